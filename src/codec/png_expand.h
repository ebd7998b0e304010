#pragma once

#include <cstdint>

#include "codec/png_chunks.h"

namespace smol {

/// One unfiltered row of a PNG, as stored, to kGray8 (grey pictures only), kRgb8, kBgr8 or kRgbx8. Without a background,
/// alpha and tRNS are dropped as Pillow's convert("RGB") does; a palette has been composited by the caller. Grey below 8
/// bits is scaled to 0..255; 16 bits become round(v / 257).
void expand_png_row(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format, const Background& background,
                    std::uint8_t* out);

/// Whether a stored row already is what `format` wants.
[[nodiscard]] bool is_stored_as(const PngChunks& chunks, PixelFormat format, const Background& background);

}  // namespace smol
