#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smol/image.h"
#include "smol/result.h"

namespace smol {

/// A still format to write renditions in.
struct EncodeFormat {
  enum class Kind : std::uint8_t { kJpeg, kPng, kPpm } kind = Kind::kJpeg;
  int quality = 90;                             ///< JPEG: 1..100
  bool full_chroma = false;                     ///< JPEG: colour at every pixel (4:4:4), not at every fourth (4:2:0)
  [[nodiscard]] std::string extension() const;  ///< ".jpg"
};
/// "jpeg", "jpeg:75", "jpeg:95:444", "png", "ppm". kInvalidArgument lists what is allowed.
[[nodiscard]] Result<EncodeFormat> parse_encode_format(std::string_view text);

/// Appends the encoded picture to `out`. `picture` is kRgb8, kRgbx8 or kGray8. JPEG: baseline, islow, optimised Huffman
/// tables off, as Pillow's default. PNG: 8-bit, all filters tried a row. A failure leaves `out` as
/// it was: kUnsupported, kOutOfMemory.
Status encode(const ImageView& picture, const EncodeFormat& format, std::vector<std::uint8_t>& out);

}  // namespace smol
