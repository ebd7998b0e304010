#pragma once
/// Numbers of PPM's headers and of its plain variants.

#include <optional>

#include "smol/codec.h"

namespace smol {

/// Walks over white space, comments ("#" to the end of the line) and decimal numbers.
class PpmText {
 public:
  PpmText(ByteView bytes, std::size_t offset) : bytes_(bytes), at_(offset) {}

  enum class End : std::uint8_t { kNone, kTruncated, kCorrupt };
  /// The next number; empty where there is none, and end() says why. Numbers above `most` are corrupt. One that touches
  /// the end of the bytes, and could have gone on there, counts as cut off.
  std::optional<unsigned> number(unsigned most);
  /// The next '0' or '1', which white space need not surround.
  std::optional<unsigned> bit();
  [[nodiscard]] End end() const { return end_; }
  [[nodiscard]] std::size_t offset() const { return at_; }

 private:
  /// False at the end of the bytes.
  bool skip_space();

  ByteView bytes_;
  std::size_t at_;
  End end_ = End::kNone;
};

[[nodiscard]] constexpr bool is_ppm_space(std::uint8_t byte) { return byte == ' ' || (byte >= 9 && byte <= 13); }

}  // namespace smol
