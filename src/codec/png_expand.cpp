#include "codec/png_expand.h"

#include "codec/pixel_writer.h"

namespace smol {
namespace {

Pixel gray(std::uint8_t value) { return {value, value, value}; }

/// What shows through, as `format` can hold it.
Pixel below_of(const std::array<std::uint8_t, 3>& background, PixelFormat format) {
  if (format == PixelFormat::kGray8) return gray(luma_of(background));
  return {background[0], background[1], background[2]};
}

unsigned wide_sample(const std::uint8_t* sample) { return static_cast<unsigned>(sample[0]) << 8 | sample[1]; }
std::uint8_t narrow(const std::uint8_t* sample) { return narrow_sample(wide_sample(sample)); }

/// Sample `i` of a row with `bits` (1, 2, 4 or 8) a sample, most significant first.
std::uint8_t sample_at(const std::uint8_t* row, int i, int bits) {
  const int per_byte = 8 / bits, shift = 8 - bits * (i % per_byte + 1);
  return static_cast<std::uint8_t>(row[i / per_byte] >> shift & ((1 << bits) - 1));
}

/// Everything of 8 bits that is no palette.
void expand_bytes(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format, const Background& background,
                  std::uint8_t* out) {
  const SampleOrder order = chunks.color == PngColor::kGray        ? SampleOrder::kGray
                            : chunks.color == PngColor::kGrayAlpha ? SampleOrder::kGrayAlpha
                            : chunks.color == PngColor::kRgb       ? SampleOrder::kRgb
                                                                   : SampleOrder::kRgba;
  write_pixels(order, row, chunks.header.width, format, background, out);
}

void expand_gray_bits(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format, std::uint8_t* out) {
  const int bits = chunks.header.bits, scale = 255 / ((1 << bits) - 1);
  write_row([=](int i) { return gray(static_cast<std::uint8_t>(sample_at(row, i, bits) * scale)); }, chunks.header.width,
            format, out);
}

void expand_palette(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format, std::uint8_t* out) {
  const int bits = chunks.header.bits;
  if (bits == 8) return write_indexed(chunks.palette, row, chunks.header.width, format, out);
  const std::uint8_t* const palette = chunks.palette.rgba.data();
  write_row(
      [=](int i) {
        const std::uint8_t* const entry = palette + 4 * sample_at(row, i, bits);
        return Pixel{entry[0], entry[1], entry[2]};
      },
      chunks.header.width, format, out);
}

/// 16 bits a sample; alpha is reduced to 8 bits before it is used.
void expand_wide(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format, const Background& background,
                 std::uint8_t* out) {
  const bool is_gray = chunks.header.channels == 1;
  const bool has_alpha = chunks.color == PngColor::kGrayAlpha || chunks.color == PngColor::kRgba;
  const int step = 2 * ((is_gray ? 1 : 3) + (has_alpha ? 1 : 0));
  const auto read = [=](int i) {
    const std::uint8_t* const pixel = row + i * step;
    return is_gray ? gray(narrow(pixel)) : Pixel{narrow(pixel), narrow(pixel + 2), narrow(pixel + 4)};
  };
  if (!background || !has_alpha) return write_row(read, chunks.header.width, format, out);
  const Pixel below = below_of(*background, format);
  write_row(
      [=](int i) {
        const Pixel pixel = read(i);
        const int alpha = narrow(row + i * step + step - 2);
        return Pixel{composite(pixel.r, alpha, below.r), composite(pixel.g, alpha, below.g),
                     composite(pixel.b, alpha, below.b)};
      },
      chunks.header.width, format, out);
}

/// The one transparent colour becomes the background.
void lay_transparent_color(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format,
                           const Background& background, std::uint8_t* out) {
  const int bits = chunks.header.bits, num_samples = chunks.header.channels == 1 ? 1 : 3;
  const auto sample = [=](int i) -> unsigned {
    return bits == 16 ? wide_sample(row + 2 * i) : bits == 8 ? row[i] : sample_at(row, i, bits);
  };
  const Pixel below = below_of(*background, format);
  const int step = bytes_per_pixel(format);
  for (int x = 0; x < chunks.header.width; ++x) {
    bool transparent = true;
    for (int c = 0; c < num_samples; ++c)
      transparent = transparent && sample(x * num_samples + c) == (*chunks.transparent_color)[static_cast<std::size_t>(c)];
    if (transparent) write_row([=](int) { return below; }, 1, format, out + static_cast<std::ptrdiff_t>(x) * step);
  }
}

}  // namespace

void expand_png_row(const PngChunks& chunks, const std::uint8_t* row, PixelFormat format, const Background& background,
                    std::uint8_t* out) {
  if (chunks.color == PngColor::kPalette) {
    expand_palette(chunks, row, format, out);
  } else if (chunks.header.bits == 16) {
    expand_wide(chunks, row, format, background, out);
  } else if (chunks.header.bits == 8) {
    expand_bytes(chunks, row, format, background, out);
  } else {
    expand_gray_bits(chunks, row, format, out);
  }
  if (background && chunks.transparent_color) lay_transparent_color(chunks, row, format, background, out);
}

bool is_stored_as(const PngChunks& chunks, PixelFormat format, const Background& background) {
  if (chunks.header.bits != 8 || (background && chunks.header.alpha)) return false;
  switch (format) {
    case PixelFormat::kGray8:
      return chunks.color == PngColor::kGray;
    case PixelFormat::kRgb8:
      return chunks.color == PngColor::kRgb;
    case PixelFormat::kRgbx8:
      return chunks.color == PngColor::kRgba;  // the fourth byte is ignored
    default:
      return false;
  }
}

}  // namespace smol
