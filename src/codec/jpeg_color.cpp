#include "codec/jpeg_color.h"

#include <algorithm>

namespace smol {
namespace {

/// round(a * b / 255) in Pillow's arithmetic.
int multiply_by_255ths(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// libjpeg's forward conversion: 16-bit fixed point, JFIF coefficients.
struct Ycc {
  std::uint8_t y, cb, cr;
};
Ycc to_ycc(int r, int g, int b) {
  constexpr int kHalf = 1 << 15, kCentre = 128 << 16;
  return {static_cast<std::uint8_t>((19595 * r + 38470 * g + 7471 * b + kHalf) >> 16),
          static_cast<std::uint8_t>((-11059 * r - 21709 * g + 32768 * b + kCentre + kHalf - 1) >> 16),
          static_cast<std::uint8_t>((32768 * r - 27439 * g - 5329 * b + kCentre + kHalf - 1) >> 16)};
}

}  // namespace

void convert_inverted_cmyk(const std::uint8_t* cmyk, std::uint8_t* out, int num_pixels, PixelFormat format) {
  const int step = bytes_per_pixel(format);
  const int red = format == PixelFormat::kBgr8 ? 2 : 0, blue = 2 - red;
  for (int i = 0; i < num_pixels; ++i, cmyk += 4, out += step) {
    const int not_black = cmyk[3];
    const auto mix = [&](int stored) {
      return static_cast<std::uint8_t>(std::max(0, not_black - multiply_by_255ths(255 - stored, not_black)));
    };
    out[red] = mix(cmyk[0]);
    out[1] = mix(cmyk[1]);
    out[blue] = mix(cmyk[2]);
    if (step == 4) out[3] = 255;
  }
}

Status PlanarAdapter::begin(const Rect& delivered, Size scaled_size, PixelFormat) {
  return consumer_.begin(delivered, scaled_size, PixelFormat::kYcc8Planar);
}

bool PlanarAdapter::rows(int y, const ImageView& rows) {
  const std::ptrdiff_t stride = padded_stride_bytes(rows.width);
  const std::size_t plane_bytes = static_cast<std::size_t>(stride) * rows.height;
  std::uint8_t* storage = planes_.reserve(3 * plane_bytes);
  ImageView planar = rows;
  planar.format = PixelFormat::kYcc8Planar;
  for (int i = 0; i < 3; ++i) planar.planes[i] = {storage + i * plane_bytes, stride, rows.width, rows.height};
  for (int row = 0; row < rows.height; ++row) {
    const std::uint8_t* rgbx = rows.row(row);
    std::uint8_t* const line = storage + row * stride;
    for (int x = 0; x < rows.width; ++x, rgbx += 4) {
      const Ycc ycc = to_ycc(rgbx[0], rgbx[1], rgbx[2]);
      line[x] = ycc.y;
      line[x + plane_bytes] = ycc.cb;
      line[x + 2 * plane_bytes] = ycc.cr;
    }
  }
  return consumer_.rows(y, planar);
}

}  // namespace smol
