#pragma once
/// The chunks of a PNG that decide its pixels, found without decompressing anything.

#include <array>
#include <string>
#include <vector>

#include "codec/faults.h"
#include "codec/pixel_rows.h"
#include "smol/codec.h"

namespace smol {

enum class PngColor : std::uint8_t { kGray = 0, kRgb = 2, kPalette = 3, kGrayAlpha = 4, kRgba = 6 };

struct PngChunks {
  ImageHeader header;
  PngColor color = PngColor::kRgb;
  /// Entries that the file lacks are black, as Pillow has them.
  Palette palette{};
  /// The one transparent colour of a picture without palette or alpha channel, at the depth it is stored; grey is the first.
  std::optional<std::array<std::uint16_t, 3>> transparent_color;
  std::vector<ByteView> data;  ///< payloads of the IDAT chunks, in order
  bool ends_early = false;     ///< the bytes end inside or before the end of the IDAT chunks

  [[nodiscard]] int bits_per_pixel() const;
  /// Bytes of one row of the decompressed picture, without its filter byte.
  [[nodiscard]] std::size_t row_bytes() const;
  /// Distance of the filters' left neighbour.
  [[nodiscard]] int filter_bytes() const { return std::max(1, bits_per_pixel() / 8); }
};

/// Walks the chunks into `chunks`, whose storage is reused. With `verify_checksums` false, CRCs are not computed.
/// kCorrupt, kTruncated (inside the header), kUnsupported.
Status read_png_chunks(ByteView bytes, bool verify_checksums, Faults& faults, PngChunks& chunks);

[[nodiscard]] bool has_png_signature(ByteView bytes);

}  // namespace smol
