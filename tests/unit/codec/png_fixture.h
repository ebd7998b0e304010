#pragma once
/// Makes small PNGs of every kind with libspng's encoder, and changes their chunks.

#include <cstdint>
#include <string>
#include <vector>

#include "smol/codec.h"

namespace smol::testing {

struct PngFixture {
  int width = 40, height = 37;
  int color_type = 2;  ///< 0 grey, 2 RGB, 3 palette, 4 grey + alpha, 6 RGBA
  int bits = 8;
  bool interlaced = false;
  unsigned seed = 1;

  [[nodiscard]] std::string name() const;
};

[[nodiscard]] std::vector<std::uint8_t> encode_png(const PngFixture& fixture);

/// Offset of the first chunk of this type (its length field); npos when absent.
[[nodiscard]] std::size_t find_chunk(ByteView png, const char* type);
/// Recomputes the checksums of all chunks that are complete.
void fix_checksums(std::vector<std::uint8_t>& png);

}  // namespace smol::testing
