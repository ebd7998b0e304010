#pragma once
/// The arithmetic of decoded frames: one row of planes to RGB, or one plane stretched to 8 bits of full range.

#include <cstdint>
#include <span>
#include <string_view>

#include "media/ycc_factors.h"

namespace smol {

/// The first samples of a row of each plane: bytes, or 16-bit words.
struct FrameRow {
  const void* planes[3] = {};
};

/// The inner loops for one instruction set. All sets give identical bits. Nothing is read or written beyond the pixels.
struct FrameKernels {
  using ToRgbx = void (*)(const FrameRow& row, const YccFactors& factors, int x, int width, std::uint8_t* rgbx);
  std::string_view name;
  /// Columns [x, x + width) of Y, U, V as R G B 255. By: two bytes a sample; how often each chroma sample is repeated, as a
  /// power of two.
  ToRgbx ycc[2][3];
  /// The same of planes G, B, R, times factors.luma.
  ToRgbx rgb[2];
  /// (sample - offset) factor, in 65536ths. By: two bytes a sample.
  void (*stretch[2])(const void* samples, std::int32_t offset, std::int32_t factor, int width, std::uint8_t* out);
};

/// Plain C++, the definition of every result.
[[nodiscard]] const FrameKernels& scalar_frame_kernels();
/// Those that this build and this machine have besides, best first.
[[nodiscard]] std::span<const FrameKernels> simd_frame_kernels();
/// What frames are converted with: the best, or what was chosen.
[[nodiscard]] const FrameKernels& active_frame_kernels();
/// `target` is a name of preprocess's SIMD targets; "" = the best. Those without kernels here choose plain C++.
void choose_frame_kernels(std::string_view target);

}  // namespace smol
