#pragma once
#include <cstdint>

#include "smol/image.h"

namespace smol {

/// Red = luma (y - luma_offset) + red_of_red cr and so on, in 65536ths; rounded by adding half of that and shifting. Sums
/// fit 32 bits. The default is libjpeg's: JFIF's full-range BT.601, with the constants of its source.
struct YccFactors {
  static constexpr int kBits = 16;
  static constexpr std::int32_t kHalf = 1 << (kBits - 1);

  std::int32_t luma_offset = 0, chroma_offset = 128;
  std::int32_t luma = 1 << kBits;
  std::int32_t red_of_red = 91881, green_of_blue = -22554, green_of_red = -46802, blue_of_blue = 116130;
};

/// To 8-bit RGB from samples of `bits` (8 to 16) bits.
[[nodiscard]] YccFactors ycc_factors(const YccEncoding& encoding, int bits = 8);

}  // namespace smol
