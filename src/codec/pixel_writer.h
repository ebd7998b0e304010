#pragma once

#include <cstdint>
#include <cstring>

#include "smol/image.h"

namespace smol {

struct Pixel {
  std::uint8_t r, g, b;
};

/// `read(i)` gives pixel i; kGray8 takes its red.
template <typename Read>
void write_row(Read read, int width, PixelFormat format, std::uint8_t* out) {
  switch (format) {
    case PixelFormat::kGray8:
      for (int i = 0; i < width; ++i) out[i] = read(i).r;
      break;
    case PixelFormat::kBgr8:
      for (int i = 0; i < width; ++i, out += 3) {
        const Pixel pixel = read(i);
        out[0] = pixel.b;
        out[1] = pixel.g;
        out[2] = pixel.r;
      }
      break;
    case PixelFormat::kRgb8:
      for (int i = 0; i < width; ++i, out += 3) {
        const Pixel pixel = read(i);
        out[0] = pixel.r;
        out[1] = pixel.g;
        out[2] = pixel.b;
      }
      break;
    default:
      for (int i = 0; i < width; ++i, out += 4) {
        const Pixel pixel = read(i);
        const std::uint8_t rgbx[4] = {pixel.r, pixel.g, pixel.b, 255};
        std::memcpy(out, rgbx, 4);
      }
  }
}

}  // namespace smol
