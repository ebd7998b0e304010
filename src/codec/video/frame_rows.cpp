#include "codec/video/frame_rows.h"

#include <algorithm>
#include <cmath>

namespace smol {
namespace {

constexpr int kBits = 16;
constexpr std::int32_t kHalf = 1 << (kBits - 1);

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

std::int32_t fixed(double value) { return static_cast<std::int32_t>(std::lround(value * (1 << kBits))); }

std::uint8_t clipped(std::int32_t value) { return static_cast<std::uint8_t>(std::clamp((value + kHalf) >> kBits, 0, 255)); }

}  // namespace

FrameRows::FrameRows(const FramePlanes& planes) : planes_(planes) {
  const int extra = planes.bits - 8;
  const double most = (1 << planes.bits) - 1;
  luma_offset_ = planes.full_range ? 0 : 16 << extra;
  chroma_offset_ = 1 << (planes.bits - 1);
  const double luma = planes.full_range ? 255 / most : 255.0 / (219 << extra);
  const double chroma = planes.full_range ? 255 / most : 255.0 / (224 << extra);
  const auto [red, blue] = shares_of(planes.matrix);
  const double green = 1 - red - blue;
  luma_ = fixed(luma);
  red_v_ = fixed(chroma * 2 * (1 - red));
  blue_u_ = fixed(chroma * 2 * (1 - blue));
  green_u_ = fixed(-chroma * 2 * blue * (1 - blue) / green);
  green_v_ = fixed(-chroma * 2 * red * (1 - red) / green);
}

template <typename Sample, int Subsampling>
void FrameRows::convert(int y, int x, int width, std::uint8_t* out) const {
  const Sample* const luma = row<Sample>(0, y);
  const Sample* const u = row<Sample>(1, y / planes_.chroma_vertical);
  const Sample* const v = row<Sample>(2, y / planes_.chroma_vertical);
  const int step = Subsampling > 0 ? Subsampling : planes_.chroma_horizontal;
  for (int i = 0; i < width; ++i) {
    const int column = x + i, chroma = Subsampling == 1 ? column : column / step;
    const std::int32_t gray = (luma[column] - luma_offset_) * luma_;
    const std::int32_t from_u = u[chroma] - chroma_offset_, from_v = v[chroma] - chroma_offset_;
    out[4 * i] = clipped(gray + red_v_ * from_v);
    out[4 * i + 1] = clipped(gray + green_u_ * from_u + green_v_ * from_v);
    out[4 * i + 2] = clipped(gray + blue_u_ * from_u);
    out[4 * i + 3] = 255;
  }
}

template <typename Sample>
void FrameRows::choose_subsampling(int y, int x, int width, std::uint8_t* out) const {
  switch (planes_.chroma_horizontal) {
    case 1:
      return convert<Sample, 1>(y, x, width, out);
    case 2:
      return convert<Sample, 2>(y, x, width, out);
    default:
      return convert<Sample, 0>(y, x, width, out);
  }
}

template <typename Sample>
void FrameRows::copy_rgb(int y, int x, int width, std::uint8_t* out) const {
  const std::int32_t scale = fixed(255.0 / ((1 << planes_.bits) - 1));
  constexpr int kPlanes[] = {2, 0, 1};  // R, G, B of planes G, B, R
  for (int channel = 0; channel < 3; ++channel) {
    const Sample* const samples = row<Sample>(kPlanes[channel], y) + x;
    for (int i = 0; i < width; ++i) out[4 * i + channel] = clipped(samples[i] * scale);
  }
  for (int i = 0; i < width; ++i) out[4 * i + 3] = 255;
}

void FrameRows::rgbx_row(int y, int x, int width, std::uint8_t* out) const {
  if (planes_.chroma_horizontal == 0) {
    gray_row(y, x, width, out);
    for (int i = width - 1; i >= 0; --i) {
      out[4 * i + 3] = 255;
      out[4 * i] = out[4 * i + 1] = out[4 * i + 2] = out[i];
    }
    return;
  }
  const bool wide = planes_.bits > 8;
  if (planes_.is_rgb) return wide ? copy_rgb<std::uint16_t>(y, x, width, out) : copy_rgb<std::uint8_t>(y, x, width, out);
  if (wide) return choose_subsampling<std::uint16_t>(y, x, width, out);
  choose_subsampling<std::uint8_t>(y, x, width, out);
}

void FrameRows::gray_row(int y, int x, int width, std::uint8_t* out) const {
  const auto stretch = [&](const auto* luma) {
    for (int i = 0; i < width; ++i) out[i] = clipped((luma[x + i] - luma_offset_) * luma_);
  };
  if (planes_.bits > 8) {
    stretch(row<std::uint16_t>(0, y));
  } else {
    stretch(row<std::uint8_t>(0, y));
  }
}

}  // namespace smol
