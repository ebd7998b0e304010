#pragma once

#include "codec/pixel_rows.h"
#include "codec/tiff_file.h"

namespace smol {

/// How a page's samples become pixels.
enum class TiffColor : std::uint8_t {
  kGray,
  kInvertedGray,  ///< white is zero
  kRgb,
  kPalette,
  kCmyk,
  kRaster,  ///< libtiff makes RGBA of it: YCbCr that is not in JPEG
};

enum class TiffAlpha : std::uint8_t { kNone, kStraight, kPremultiplied };

struct TiffLayout {
  ImageHeader header;
  TiffColor color = TiffColor::kRgb;
  TiffAlpha alpha = TiffAlpha::kNone;
  int bits = 8, samples = 3;  ///< samples of a pixel, those that are ignored included
  bool tiled = false, planar = false;
  int block_width = 0, block_height = 0;  ///< of tiles; strips are as wide as the picture
  Palette palette{};

  /// Bytes of one row of `width` pixels; of one plane where planar.
  [[nodiscard]] std::size_t row_bytes(int width) const {
    return (static_cast<std::size_t>(width) * static_cast<std::size_t>(planar ? 1 : samples) *
                static_cast<std::size_t>(bits) +
            7) /
           8;
  }
  [[nodiscard]] SampleOrder order() const;
  /// False where stored rows of interleaved samples are those of order() already.
  [[nodiscard]] bool needs_conversion() const;
};

/// Reads the first page's fields; `file` is open. kUnsupported names what cannot be read, kCorrupt.
Status read_tiff_layout(TiffFile& file, TiffLayout& layout);

/// One row of interleaved samples as stored to the bytes of layout.order(), in `out` (4 bytes a pixel at most). Not for
/// kPalette and kRaster. May change `row`.
void convert_tiff_row(const TiffLayout& layout, std::uint8_t* row, int width, std::uint8_t* out);
/// Samples of a row of a palette picture, one byte each.
void convert_tiff_indices(const TiffLayout& layout, const std::uint8_t* row, int width, std::uint8_t* out);

}  // namespace smol
