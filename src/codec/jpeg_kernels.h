#pragma once
/// The arithmetic of baseline JPEG, bit-identical with libjpeg-turbo's: accurate integer inverse DCT, "fancy" (triangle)
/// chroma upsampling, 16-bit fixed-point colour conversion.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "codec/jpeg_scan.h"

namespace smol {

/// A row of luma and the chroma rows it takes its colour from. `far` rows are used by 4:2:0 only: the chroma row on the
/// other side of this luma row. Chroma is readable one sample before its first and after its last.
struct JpegYccRow {
  const std::uint8_t* luma = nullptr;
  const std::uint8_t* blue = nullptr;
  const std::uint8_t* red = nullptr;
  const std::uint8_t* far_blue = nullptr;
  const std::uint8_t* far_red = nullptr;
};

/// How chroma is brought to luma's size.
enum class ChromaUpsampling : std::uint8_t { kNone, kHorizontal, kBoth };

/// The inner loops for one instruction set. All sets give identical bits. Rows may be read and written
/// kJpegRowPaddingBytes past their end.
struct JpegKernels {
  std::string_view name;
  const JpegScanKernels* scan = nullptr;
  /// Four neighbouring blocks (a group, see jpeg_scan.h) to 4 * size x size samples, for size 1, 2, 4, 8 (by index).
  /// `quantization` in row order.
  void (*inverse_dct[4])(const std::int16_t* group, const std::int16_t* quantization, std::uint8_t* output,
                         std::ptrdiff_t stride_bytes);
  /// The same for a group whose blocks have nothing but their first coefficients.
  void (*fill_blocks)(const std::int16_t* group, int quantization, int size, std::uint8_t* output,
                      std::ptrdiff_t stride_bytes);
  /// kRgbx8 pixels, an even number at a time. By ChromaUpsampling.
  void (*ycc_to_rgbx[3])(const JpegYccRow& row, std::uint8_t* rgbx, int num_pixels);
  void (*gray_to_rgbx)(const std::uint8_t* gray, std::uint8_t* rgbx, int num_pixels);
  /// 4 bytes a pixel to 3; `swap` exchanges the first and the third.
  void (*pack_rgb)(const std::uint8_t* rgbx, std::uint8_t* rgb, int num_pixels, bool swap);
};

inline constexpr int kJpegRowPaddingBytes = 256;

/// Those that this build and this machine have, best first.
[[nodiscard]] std::span<const JpegKernels> jpeg_kernels();

/// What new decoders use; null = none, all is left to libjpeg-turbo. The best, or what was chosen.
[[nodiscard]] const JpegKernels* active_jpeg_kernels();
/// `target` is a name of preprocess's SIMD targets; "" = the best. Those without kernels here choose none.
void choose_jpeg_kernels(std::string_view target);

}  // namespace smol
