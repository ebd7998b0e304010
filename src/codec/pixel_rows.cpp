#include "codec/pixel_rows.h"

#include <cstring>

#include "codec/pixel_writer.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define SMOL_HAS_SSSE3 1
#endif

namespace smol {
namespace {

#ifdef SMOL_HAS_SSSE3
/// Three samples a pixel to four bytes; `reverse` swaps the outer two. Five pixels are left for the plain loop, so that no
/// byte behind the row is read. Returns the pixels done.
__attribute__((target("ssse3"))) int spread_ssse3(const std::uint8_t* samples, int width, bool reverse, std::uint8_t* out) {
  const __m128i order = reverse ? _mm_setr_epi8(2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1)
                                : _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  const __m128i opaque = _mm_set1_epi32(static_cast<int>(0xFF000000u));
  int i = 0;
  for (; i + 6 <= width; i += 4) {
    const __m128i rgb = _mm_loadu_si128(reinterpret_cast<const __m128i*>(samples + 3 * i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + 4 * i), _mm_or_si128(_mm_shuffle_epi8(rgb, order), opaque));
  }
  return i;
}
#endif

template <int kRed, int kGreen, int kBlue, int kStep>
void write_opaque(const std::uint8_t* samples, int width, PixelFormat format, std::uint8_t* out) {
#ifdef SMOL_HAS_SSSE3
  if (kStep == 3 && format == PixelFormat::kRgbx8 && __builtin_cpu_supports("ssse3")) {
    const int done = spread_ssse3(samples, width, kRed == 2, out);
    samples += 3 * done;
    out += 4 * done;
    width -= done;
  }
#endif
  write_row(
      [=](int i) {
        const std::uint8_t* const pixel = samples + i * kStep;
        return Pixel{pixel[kRed], pixel[kGreen], pixel[kBlue]};
      },
      width, format, out);
}

template <int kRed, int kGreen, int kBlue, int kAlpha>
void write_composited(const std::uint8_t* samples, int width, PixelFormat format, std::array<std::uint8_t, 3> below,
                      std::uint8_t* out) {
  constexpr int kStep = kAlpha + 1;
  if (format == PixelFormat::kGray8) below.fill(luma_of(below));
  write_row(
      [=](int i) {
        const std::uint8_t* const pixel = samples + i * kStep;
        const int alpha = pixel[kAlpha];
        return Pixel{composite(pixel[kRed], alpha, below[0]), composite(pixel[kGreen], alpha, below[1]),
                     composite(pixel[kBlue], alpha, below[2])};
      },
      width, format, out);
}

}  // namespace

void Palette::clear() {
  for (int i = 0; i < 256; ++i) set(i, 0, 0, 0);
}

void Palette::set(int index, std::uint8_t red, std::uint8_t green, std::uint8_t blue, std::uint8_t alpha) {
  const std::uint8_t entry[4] = {red, green, blue, alpha};
  std::memcpy(&rgba[static_cast<std::size_t>(index) * 4], entry, 4);
}

void Palette::set_ramp() {
  for (int i = 0; i < 256; ++i) {
    const auto gray = static_cast<std::uint8_t>(i);
    set(i, gray, gray, gray);
  }
}

void Palette::composite_on(const Background& background) {
  if (!background) return;
  for (std::size_t i = 0; i < rgba.size(); i += 4) {
    for (std::size_t c = 0; c < 3; ++c) rgba[i + c] = composite(rgba[i + c], rgba[i + 3], (*background)[c]);
    rgba[i + 3] = 255;
  }
}

void write_pixels(SampleOrder order, const std::uint8_t* samples, int width, PixelFormat format,
                  const Background& background, std::uint8_t* out) {
  switch (order) {
    case SampleOrder::kGray:
      if (format == PixelFormat::kGray8) {
        std::memcpy(out, samples, static_cast<std::size_t>(width));
        return;
      }
      return write_opaque<0, 0, 0, 1>(samples, width, format, out);
    case SampleOrder::kGrayAlpha:
      if (background) return write_composited<0, 0, 0, 1>(samples, width, format, *background, out);
      return write_opaque<0, 0, 0, 2>(samples, width, format, out);
    case SampleOrder::kRgb:
      if (format == PixelFormat::kRgb8) {
        std::memcpy(out, samples, 3 * static_cast<std::size_t>(width));
        return;
      }
      return write_opaque<0, 1, 2, 3>(samples, width, format, out);
    case SampleOrder::kBgr:
      if (format == PixelFormat::kBgr8) {
        std::memcpy(out, samples, 3 * static_cast<std::size_t>(width));
        return;
      }
      return write_opaque<2, 1, 0, 3>(samples, width, format, out);
    case SampleOrder::kRgba:
      if (background) return write_composited<0, 1, 2, 3>(samples, width, format, *background, out);
      return write_opaque<0, 1, 2, 4>(samples, width, format, out);
    case SampleOrder::kBgra:
      if (background) return write_composited<2, 1, 0, 3>(samples, width, format, *background, out);
      return write_opaque<2, 1, 0, 4>(samples, width, format, out);
  }
}

void write_indexed(const Palette& palette, const std::uint8_t* indices, int width, PixelFormat format, std::uint8_t* out) {
  const std::uint8_t* const entries = palette.rgba.data();
  write_row(
      [=](int i) {
        const std::uint8_t* const entry = entries + 4 * indices[i];
        return Pixel{entry[0], entry[1], entry[2]};
      },
      width, format, out);
}

void unpack_samples(const std::uint8_t* packed, int num_samples, int bits, std::uint8_t* out) {
  const int per_byte = 8 / bits, mask = (1 << bits) - 1;
  for (int i = 0; i < num_samples; ++i) {
    const int shift = 8 - bits * (i % per_byte + 1);
    out[i] = static_cast<std::uint8_t>(packed[i / per_byte] >> shift & mask);
  }
}

}  // namespace smol
