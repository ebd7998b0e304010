#pragma once
/// Rows of 8-bit samples as files store them, to the formats that decoders deliver.

#include <array>
#include <cstdint>
#include <optional>

#include "smol/image.h"

namespace smol {

/// What alpha is composited on; empty: alpha is dropped.
using Background = std::optional<std::array<std::uint8_t, 3>>;

/// Samples of one pixel in the order they are stored.
enum class SampleOrder : std::uint8_t { kGray, kGrayAlpha, kRgb, kRgba, kBgr, kBgra };

/// Colours of a picture's indices, alpha last. Indices that a file leaves without a colour are opaque black.
struct Palette {
  std::array<std::uint8_t, 256 * 4> rgba;

  void clear();
  void set(int index, std::uint8_t red, std::uint8_t green, std::uint8_t blue, std::uint8_t alpha = 255);
  /// Entry i becomes the grey i.
  void set_ramp();
  /// Alpha is composited, so that no row needs to.
  void composite_on(const Background& background);
};

/// `value` where alpha is 255, `below` where it is 0, else between them as Pillow's alpha_composite has it.
[[nodiscard]] constexpr std::uint8_t composite(int value, int alpha, int below) {
  const int sum = value * alpha + below * (255 - alpha) + 128;
  return static_cast<std::uint8_t>((sum + (sum >> 8)) >> 8);
}

/// The grey of a colour, as Pillow's convert("L") has it.
[[nodiscard]] constexpr std::uint8_t luma_of(const std::array<std::uint8_t, 3>& color) {
  return static_cast<std::uint8_t>((color[0] * 19595 + color[1] * 38470 + color[2] * 7471 + 0x8000) >> 16);
}

/// round(value / 257)
[[nodiscard]] constexpr std::uint8_t narrow_sample(unsigned value) {
  return static_cast<std::uint8_t>((value * 255 + 32895) >> 16);
}

/// One row to `format`; kGray8 only from grey samples, and then alpha is composited on the background's luma.
void write_pixels(SampleOrder order, const std::uint8_t* samples, int width, PixelFormat format,
                  const Background& background, std::uint8_t* out);

/// One row of indices to `format`; kGray8 takes the red of each entry.
void write_indexed(const Palette& palette, const std::uint8_t* indices, int width, PixelFormat format, std::uint8_t* out);

/// Samples of 1, 2 or 4 bits, the first in the highest bits, to one byte each.
void unpack_samples(const std::uint8_t* packed, int num_samples, int bits, std::uint8_t* out);

}  // namespace smol
