#pragma once
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

 private:
  template <typename Sample, int Subsampling>
  void convert(int y, int x, int width, std::uint8_t* out) const;
  template <typename Sample>
  void choose_subsampling(int y, int x, int width, std::uint8_t* out) const;
  template <typename Sample>
  void copy_rgb(int y, int x, int width, std::uint8_t* out) const;
  template <typename Sample>
  [[nodiscard]] const Sample* row(int plane, int y) const {
    return reinterpret_cast<const Sample*>(planes_.data[plane] + y * planes_.stride_bytes[plane]);
  }

  FramePlanes planes_;
  int luma_offset_ = 0, chroma_offset_ = 0;
  /// Of 65536.
  std::int32_t luma_ = 0, red_v_ = 0, green_u_ = 0, green_v_ = 0, blue_u_ = 0;
};

}  // namespace smol
