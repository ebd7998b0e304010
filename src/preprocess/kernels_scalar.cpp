#include <algorithm>
#include <cstring>

#include "preprocess/kernels.h"

namespace smol {
namespace {

std::uint8_t clip8(std::int32_t value) { return static_cast<std::uint8_t>(std::clamp(value, 0, 255)); }

std::uint8_t gray_of(int red, int green, int blue) {
  return static_cast<std::uint8_t>((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16);
}

/// One sample: sum of taps `stride` bytes apart, rounded. Unsigned, because Pillow's sums may wrap.
std::uint8_t weighted(const std::uint8_t* first, std::ptrdiff_t stride, const std::int32_t* coefficients, int count,
                      int bits) {
  std::uint32_t sum = 1U << (bits - 1);
  for (int tap = 0; tap < count; ++tap) sum += static_cast<std::uint32_t>(coefficients[tap] * first[tap * stride]);
  return clip8(static_cast<std::int32_t>(sum) >> bits);
}

void rgbx_columns(const std::uint8_t* const* rows, int num_rows, int origin, const AxisTable& table,
                  std::uint8_t* const* outputs, std::ptrdiff_t plane_stride) {
  for (int r = 0; r < num_rows; ++r) {
    for (int i = 0; i < table.num_outputs; ++i) {
      const std::uint8_t* first = rows[r] + std::ptrdiff_t{table.starts[i] - origin} * 4;
      const std::int32_t* coefficients = &table.coefficients[static_cast<std::size_t>(i) * table.max_taps];
      for (int channel = 0; channel < 3; ++channel) {
        outputs[r][channel * plane_stride + i] =
            weighted(first + channel, 4, coefficients, table.counts[i], table.coefficient_bits);
      }
    }
  }
}

void gray_columns(const std::uint8_t* row, int origin, const AxisTable& table, std::uint8_t* output) {
  for (int i = 0; i < table.num_outputs; ++i) {
    output[i] =
        weighted(row + (table.starts[i] - origin), 1, &table.coefficients[static_cast<std::size_t>(i) * table.max_taps],
                 table.counts[i], table.coefficient_bits);
  }
}

void combine_rows(const std::uint8_t* const* rows, const AxisTable& table, int output, std::uint8_t* result, int num_bytes) {
  const std::int32_t* coefficients = &table.coefficients[static_cast<std::size_t>(output) * table.max_taps];
  for (int x = 0; x < num_bytes; ++x) {
    std::uint32_t sum = 1U << (table.coefficient_bits - 1);
    for (int tap = 0; tap < table.counts[output]; ++tap) {
      sum += static_cast<std::uint32_t>(coefficients[tap] * rows[tap][x]);
    }
    result[x] = clip8(static_cast<std::int32_t>(sum) >> table.coefficient_bits);
  }
}

void expand_rgb(const std::uint8_t* rgb, std::uint8_t* rgbx, int num_pixels, bool swap) {
  for (int i = 0; i < num_pixels; ++i) {
    rgbx[4 * i] = rgb[3 * i + (swap ? 2 : 0)];
    rgbx[4 * i + 1] = rgb[3 * i + 1];
    rgbx[4 * i + 2] = rgb[3 * i + (swap ? 0 : 2)];
    rgbx[4 * i + 3] = 0;
  }
}

void rgbx_to_gray(const std::uint8_t* rgbx, std::uint8_t* gray, int num_pixels) {
  for (int i = 0; i < num_pixels; ++i) gray[i] = gray_of(rgbx[4 * i], rgbx[4 * i + 1], rgbx[4 * i + 2]);
}

void planes_to_gray(const std::uint8_t* const* planes, std::uint8_t* gray, int num_pixels) {
  for (int i = 0; i < num_pixels; ++i) gray[i] = gray_of(planes[0][i], planes[1][i], planes[2][i]);
}

void ycc_to_rgb(const std::uint8_t* const* ycc, const YccFactors& factors, std::uint8_t* const* rgb, int num_pixels) {
  for (int i = 0; i < num_pixels; ++i) {
    const int y = (ycc[0][i] - factors.luma_offset) * factors.luma + YccFactors::kHalf;
    const int cb = ycc[1][i] - factors.chroma_offset, cr = ycc[2][i] - factors.chroma_offset;
    rgb[0][i] = clip8((y + factors.red_of_red * cr) >> YccFactors::kBits);
    rgb[1][i] = clip8((y + factors.green_of_blue * cb + factors.green_of_red * cr) >> YccFactors::kBits);
    rgb[2][i] = clip8((y + factors.blue_of_blue * cb) >> YccFactors::kBits);
  }
}

void write_u8_interleaved(const std::uint8_t* const* planes, std::uint8_t* output, int num_pixels) {
  for (int i = 0; i < num_pixels; ++i) {
    for (int channel = 0; channel < 3; ++channel) output[3 * i + channel] = planes[channel][i];
  }
}

float normalized(std::uint8_t sample, float mean, float inverse_scale) {
  const float difference = static_cast<float>(sample) - mean;
  return difference * inverse_scale;
}

void write_f32_plane(const std::uint8_t* plane, float* output, int num_pixels, float mean, float inverse_scale) {
  for (int i = 0; i < num_pixels; ++i) output[i] = normalized(plane[i], mean, inverse_scale);
}

void write_f32_interleaved(const std::uint8_t* const* planes, float* output, int num_pixels,
                           const Normalization& normalization) {
  for (int i = 0; i < num_pixels; ++i) {
    for (int channel = 0; channel < 3; ++channel) {
      output[3 * i + channel] =
          normalized(planes[channel][i], normalization.mean[channel], normalization.inverse_scale[channel]);
    }
  }
}

}  // namespace

const KernelTable& scalar_kernels() {
  static constexpr KernelTable kTable{
      "scalar",       rgbx_columns, gray_columns,         combine_rows,    expand_rgb,           rgbx_to_gray,
      planes_to_gray, ycc_to_rgb,   write_u8_interleaved, write_f32_plane, write_f32_interleaved};
  return kTable;
}

}  // namespace smol
