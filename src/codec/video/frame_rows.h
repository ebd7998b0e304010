#pragma once
#include "codec/video/frame_kernels.h"
#include "smol/video.h"

namespace smol {

/// Columns [x, x + width) of row `y` of a frame as R G B and an ignored byte, or as luma alone stretched to full range
/// (gray: `out` takes one byte a pixel). Within 1 of the real-valued matrices of BT.601, BT.709, BT.2020, SMPTE 240M and
/// FCC, rounded; samples of more than 8 bits are converted in one step.
class FrameRows {
 public:
  /// `planes` must stay valid.
  explicit FrameRows(const FramePlanes& planes);
  void rgbx_row(int y, int x, int width, std::uint8_t* out) const;
  void gray_row(int y, int x, int width, std::uint8_t* out) const;
  /// Samples [x, x + width) of a plane's own row, as 8-bit samples of the same range, rounded.
  void plane_row(int plane, int y, int x, int width, std::uint8_t* out) const;

 private:
  [[nodiscard]] bool wide() const { return planes_.bits > 8; }
  [[nodiscard]] const std::uint8_t* row(int plane, int y) const {
    return planes_.data[plane] + y * planes_.stride_bytes[plane];
  }

  FramePlanes planes_;
  YccFactors factors_;
  const FrameKernels* kernels_ = nullptr;
};

}  // namespace smol
