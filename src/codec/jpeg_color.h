#pragma once
/// Colour conversions that libjpeg does not do, exactly as Pillow does them.

#include <cstdint>

#include "codec/grow_only_buffer.h"
#include "smol/codec.h"

namespace smol {

/// `num_pixels` of Adobe's inverted CMYK to kRgb8, kBgr8 or kRgbx8. Every four-channel JPEG is taken as inverted, since
/// the writers that matter store it so, with or without the marker.
void convert_inverted_cmyk(const std::uint8_t* cmyk, std::uint8_t* out, int num_pixels, PixelFormat format);

/// Turns kRgbx8 rows into kYcc8Planar 4:4:4 for pictures that are not stored as YCbCr (grey, RGB, CMYK).
class PlanarAdapter final : public RowConsumer {
 public:
  PlanarAdapter(RowConsumer& consumer, GrowOnlyBuffer& planes) : consumer_(consumer), planes_(planes) {}
  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override;
  bool rows(int y, const ImageView& rows) override;

 private:
  RowConsumer& consumer_;
  GrowOnlyBuffer& planes_;
};

}  // namespace smol
