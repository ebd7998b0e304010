#include "media/ycc_factors.h"

#include <cmath>

namespace smol {
namespace {

/// Shares of red and blue in luma (Rec. ITU-T H.273, table 4).
struct Shares {
  double red, blue;
};
Shares shares_of(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::kBt709:
      return {0.2126, 0.0722};
    case ColorMatrix::kBt2020:
      return {0.2627, 0.0593};
    case ColorMatrix::kSmpte240m:
      return {0.212, 0.087};
    case ColorMatrix::kFcc:
      return {0.30, 0.11};
    case ColorMatrix::kBt601:
      break;
  }
  return {0.299, 0.114};
}

std::int32_t fixed(double value) { return static_cast<std::int32_t>(std::lround(value * (1 << YccFactors::kBits))); }

}  // namespace

std::string_view name_of(ColorMatrix matrix) {
  switch (matrix) {
    case ColorMatrix::kBt601:
      return "bt601";
    case ColorMatrix::kBt709:
      return "bt709";
    case ColorMatrix::kBt2020:
      return "bt2020";
    case ColorMatrix::kSmpte240m:
      return "smpte240m";
    case ColorMatrix::kFcc:
      return "fcc";
  }
  return "";
}

YccFactors ycc_factors(const YccEncoding& encoding, int bits) {
  if (encoding == YccEncoding{} && bits == 8) return {};
  const int extra = bits - 8;
  const double most = (1 << bits) - 1;
  const double luma = encoding.full_range ? 255 / most : 255.0 / (219 << extra);
  const double chroma = encoding.full_range ? 255 / most : 255.0 / (224 << extra);
  const auto [red, blue] = shares_of(encoding.matrix);
  const double green = 1 - red - blue;
  YccFactors factors;
  factors.luma_offset = encoding.full_range ? 0 : 16 << extra;
  factors.chroma_offset = 1 << (bits - 1);
  factors.luma = fixed(luma);
  factors.red_of_red = fixed(chroma * 2 * (1 - red));
  factors.green_of_blue = fixed(-chroma * 2 * blue * (1 - blue) / green);
  factors.green_of_red = fixed(-chroma * 2 * red * (1 - red) / green);
  factors.blue_of_blue = fixed(chroma * 2 * (1 - blue));
  return factors;
}

}  // namespace smol
