#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "media/ycc_factors.h"
#include "preprocess/axis_table.h"

namespace smol {

/// Rows handed to one call of a column kernel; two share the loads of the coefficients.
inline constexpr int kMaxRowsPerCall = 2;

/// What the writing kernels do to each sample: (x - mean) * inverse_scale.
struct Normalization {
  std::array<float, 3> mean{0, 0, 0}, inverse_scale{1, 1, 1};
};

/// The inner loops for one instruction set. All sets give identical bits. Inputs may be read and outputs written 64 bytes
/// past their end, unless a comment says otherwise.
struct KernelTable {
  std::string_view name;

  /// Resizes rows of 4-byte pixels along x. `rows[r]` points at the pixel with source index `origin`; output r is written as
  /// three planes `plane_stride` (a multiple of 16) apart.
  void (*rgbx_columns)(const std::uint8_t* const* rows, int num_rows, int origin, const AxisTable& table,
                       std::uint8_t* const* outputs, std::ptrdiff_t plane_stride);
  /// The same for one row of 1-byte pixels.
  void (*gray_columns)(const std::uint8_t* row, int origin, const AxisTable& table, std::uint8_t* output);
  /// Combines whole rows into output number `output` of a kRows table. `rows` holds 2 * num_chunks pointers.
  void (*rows)(const std::uint8_t* const* rows, const AxisTable& table, int output, std::uint8_t* result, int num_bytes);

  /// 3 bytes a pixel to 4; `swap` exchanges the first and the third.
  void (*expand_rgb)(const std::uint8_t* rgb, std::uint8_t* rgbx, int num_pixels, bool swap);
  /// Pillow's L: (19595 R + 38470 G + 7471 B + 0x8000) >> 16.
  void (*rgbx_to_gray)(const std::uint8_t* rgbx, std::uint8_t* gray, int num_pixels);
  void (*planes_to_gray)(const std::uint8_t* const* planes, std::uint8_t* gray, int num_pixels);
  /// 8-bit planes.
  void (*ycc_to_rgb)(const std::uint8_t* const* ycc, const YccFactors& factors, std::uint8_t* const* rgb, int num_pixels);

  /// Writers: exactly num_pixels are written.
  void (*write_u8_interleaved)(const std::uint8_t* const* planes, std::uint8_t* output, int num_pixels);
  void (*write_f32_plane)(const std::uint8_t* plane, float* output, int num_pixels, float mean, float inverse_scale);
  void (*write_f32_interleaved)(const std::uint8_t* const* planes, float* output, int num_pixels,
                                const Normalization& normalization);
};

/// Plain C++, the definition of every result.
[[nodiscard]] const KernelTable& scalar_kernels();
/// Those this build and this machine have besides, best first.
[[nodiscard]] std::span<const KernelTable* const> simd_kernels();
/// What new pictures use: the best, or what set_simd_target chose.
[[nodiscard]] const KernelTable& active_kernels();

}  // namespace smol
