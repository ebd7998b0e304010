#include <algorithm>

#include "codec/video/frame_kernels.h"

namespace smol {
namespace {

std::uint8_t clipped(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> YccFactors::kBits, 0, 255)); }

template <typename Sample, int Shift>
void ycc_to_rgbx(const FrameRow& row, const YccFactors& factors, int x, int width, std::uint8_t* rgbx) {
  const auto* const luma = static_cast<const Sample*>(row.planes[0]);
  const auto* const blue = static_cast<const Sample*>(row.planes[1]);
  const auto* const red = static_cast<const Sample*>(row.planes[2]);
  for (int i = x; i < x + width; ++i, rgbx += 4) {
    const std::int32_t y = (luma[i] - factors.luma_offset) * factors.luma + YccFactors::kHalf;
    const std::int32_t cb = blue[i >> Shift] - factors.chroma_offset, cr = red[i >> Shift] - factors.chroma_offset;
    rgbx[0] = clipped(y + factors.red_of_red * cr);
    rgbx[1] = clipped(y + factors.green_of_blue * cb + factors.green_of_red * cr);
    rgbx[2] = clipped(y + factors.blue_of_blue * cb);
    rgbx[3] = 255;
  }
}

template <typename Sample>
void rgb_to_rgbx(const FrameRow& row, const YccFactors& factors, int x, int width, std::uint8_t* rgbx) {
  constexpr int kPlanes[] = {2, 0, 1};
  for (int i = x; i < x + width; ++i, rgbx += 4) {
    for (int c = 0; c < 3; ++c) {
      const std::int32_t sample = static_cast<const Sample*>(row.planes[kPlanes[c]])[i];
      rgbx[c] = clipped(sample * factors.luma + YccFactors::kHalf);
    }
    rgbx[3] = 255;
  }
}

template <typename Sample>
void stretch(const void* samples, std::int32_t offset, std::int32_t factor, int width, std::uint8_t* out) {
  const auto* const values = static_cast<const Sample*>(samples);
  for (int i = 0; i < width; ++i) out[i] = clipped((values[i] - offset) * factor + YccFactors::kHalf);
}

using Byte = std::uint8_t;
using Word = std::uint16_t;

}  // namespace

const FrameKernels& scalar_frame_kernels() {
  static constexpr FrameKernels kKernels{"scalar",
                                         {{ycc_to_rgbx<Byte, 0>, ycc_to_rgbx<Byte, 1>, ycc_to_rgbx<Byte, 2>},
                                          {ycc_to_rgbx<Word, 0>, ycc_to_rgbx<Word, 1>, ycc_to_rgbx<Word, 2>}},
                                         {rgb_to_rgbx<Byte>, rgb_to_rgbx<Word>},
                                         {stretch<Byte>, stretch<Word>}};
  return kKernels;
}

}  // namespace smol
