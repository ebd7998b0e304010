#pragma once

#include <array>

#include "codec/pixel_rows.h"
#include "smol/codec.h"

namespace smol {

enum class BmpCompression : std::uint8_t { kNone, kRle8, kRle4 };

struct BmpHeader {
  ImageHeader header;
  bool top_down = false;
  BmpCompression compression = BmpCompression::kNone;
  /// Where red, green, blue and alpha lie in pixels of 16 and 32 bits; 0: not there.
  std::array<std::uint32_t, 4> masks{};
  Palette palette{};
  std::size_t pixels_offset = 0;

  [[nodiscard]] std::size_t row_bytes() const {
    return (static_cast<std::size_t>(header.width) * static_cast<std::size_t>(bits_per_pixel) + 7) / 8;
  }
  /// Rows begin at multiples of four bytes.
  [[nodiscard]] std::size_t stride_bytes() const { return (row_bytes() + 3) / 4 * 4; }
  int bits_per_pixel = 24;
};

/// Windows and OS/2 headers of 12 to 124 bytes. kCorrupt, kTruncated, kUnsupported (pictures that hold a JPEG or PNG,
/// OS/2's own compressions).
Status read_bmp_header(ByteView bytes, BmpHeader& bmp);

[[nodiscard]] bool has_bmp_signature(ByteView bytes);

}  // namespace smol
