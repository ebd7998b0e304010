#pragma once
/// Makes small WebP, GIF, TIFF, BMP and PPM files of many kinds. TIFF and WebP are packed by their own libraries, the others
/// here.

#include <cstdint>
#include <string>
#include <vector>

#include "unit/codec/codec_seeds.h"

namespace smol::testing {

/// Smooth colours with some noise, `channels` bytes a pixel, rows without gaps.
[[nodiscard]] std::vector<std::uint8_t> make_samples(int width, int height, int channels, unsigned seed = 1);

struct WebpFixture {
  int width = 37, height = 30;
  bool lossless = false, alpha = false;
  /// Two pictures of this size at (6, 4) on a larger canvas.
  bool animated = false;
  int orientation = 0;  ///< 0: no EXIF chunk
  unsigned seed = 1;
};
[[nodiscard]] std::vector<std::uint8_t> encode_webp(const WebpFixture& fixture);

struct GifFixture {
  int width = 40, height = 33;
  bool interlaced = false, local_palette = false, partial = false;
  int transparent_index = -1;
  int num_frames = 1;
  int bits = 6;  ///< of the palette and of the shortest codes
};
[[nodiscard]] std::vector<std::uint8_t> encode_gif(const GifFixture& fixture);

struct TiffFixture {
  int width = 37, height = 34;
  int bits = 8, samples = 3;
  int photometric = 2;  ///< 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK, 6 YCbCr
  int compression = 1;  ///< 1 none, 5 LZW, 7 JPEG, 8 deflate, 32773 PackBits
  bool tiled = false, planar = false;
  int extra_sample = -1;  ///< -1 none, 0 unspecified, 1 premultiplied alpha, 2 alpha
  int orientation = 1;
  int rows_per_strip = 10;
  int num_pages = 1;
  bool big_endian = false;
};
[[nodiscard]] std::vector<std::uint8_t> encode_tiff(const TiffFixture& fixture);

struct BmpFixture {
  int width = 33, height = 27;
  int bits = 24;
  int compression = 0;  ///< 0 none, 1 and 2 runs, 3 bit fields
  bool top_down = false;
  int header_bytes = 40;
};
[[nodiscard]] std::vector<std::uint8_t> encode_bmp(const BmpFixture& fixture);

/// "P1" to "P6".
[[nodiscard]] std::vector<std::uint8_t> encode_ppm(int kind, unsigned maximum, int width = 25, int height = 21);

[[nodiscard]] std::vector<Seed> tiff_seeds();
[[nodiscard]] std::vector<std::uint8_t> huge_tiff();

/// Of the formats above; empty for others.
[[nodiscard]] std::vector<Seed> still_seeds_of(std::string_view codec);
[[nodiscard]] std::vector<std::uint8_t> huge_still_of(std::string_view codec);

}  // namespace smol::testing
