#include "codec/video/frame_rows.h"

#include <cmath>

namespace smol {

FrameRows::FrameRows(const FramePlanes& planes)
    : planes_(planes),
      factors_(ycc_factors({planes.matrix, planes.full_range || planes.is_rgb}, planes.bits)),
      kernels_(&active_frame_kernels()) {}

void FrameRows::rgbx_row(int y, int x, int width, std::uint8_t* out) const {
  if (planes_.chroma_horizontal == 0) {
    gray_row(y, x, width, out);
    for (int i = width - 1; i >= 0; --i) {
      out[4 * i + 3] = 255;
      out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = out[i];
    }
    return;
  }
  const int below = y / planes_.chroma_vertical;
  const FrameRow planes{{row(0, y), row(1, below), row(2, below)}};
  if (planes_.is_rgb) return kernels_->rgb[wide()](planes, factors_, x, width, out);
  const int shift = planes_.chroma_horizontal == 4 ? 2 : planes_.chroma_horizontal - 1;
  kernels_->ycc[wide()][shift](planes, factors_, x, width, out);
}

void FrameRows::gray_row(int y, int x, int width, std::uint8_t* out) const {
  kernels_->stretch[wide()](row(0, y) + (wide() ? 2 : 1) * x, factors_.luma_offset, factors_.luma, width, out);
}

void FrameRows::plane_row(int plane, int y, int x, int width, std::uint8_t* out) const {
  // Limited range keeps its codes: 16 stays 16. Full range keeps its ends.
  const int most = (1 << planes_.bits) - 1;
  const double factor = planes_.full_range ? 255.0 / most : 256.0 / (most + 1);
  const auto fixed = static_cast<std::int32_t>(std::lround(factor * (1 << YccFactors::kBits)));
  kernels_->stretch[wide()](row(plane, y) + (wide() ? 2 : 1) * x, 0, fixed, width, out);
}

}  // namespace smol
