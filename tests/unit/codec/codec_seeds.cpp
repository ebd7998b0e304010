#include "unit/codec/codec_seeds.h"

#include <algorithm>

#include "unit/codec/jpeg_fixture.h"
#include "unit/codec/opaque_seeds.h"
#include "unit/codec/png_fixture.h"
#include "unit/codec/still_fixture.h"

namespace smol::testing {
namespace {

std::vector<Seed> jpeg_seeds() {
  std::vector<JpegFixture> fixtures;
  for (const bool progressive : {false, true}) {
    JpegFixture base{.width = 45, .height = 38, .progressive = progressive, .quality = 60};
    fixtures.push_back(base);
    for (const auto& [horizontal, vertical] : {std::pair{1, 1}, {2, 1}, {1, 2}, {4, 1}}) {
      base.horizontal = horizontal;
      base.vertical = vertical;
      fixtures.push_back(base);
    }
    for (const char* color : {"gray", "rgb", "cmyk", "ycck"}) {
      fixtures.push_back({.width = 33, .height = 29, .color = color, .progressive = progressive, .quality = 50});
    }
  }
  fixtures.push_back({.width = 45, .height = 38, .restart_interval = 1, .quality = 60});
  fixtures.push_back({.width = 45, .height = 38, .separate_scans = true, .quality = 60});
  fixtures.push_back({.width = 45, .height = 38, .arithmetic = true, .quality = 60});
  std::vector<Seed> seeds;
  for (const JpegFixture& fixture : fixtures) seeds.push_back({fixture.name(), encode_jpeg(fixture)});
  const auto thumbnail = encode_jpeg({.width = 15, .height = 13, .quality = 40});
  seeds.push_back({"thumbnail", with_thumbnail(encode_jpeg({.width = 45, .height = 38, .quality = 60}), thumbnail)});
  return seeds;
}

std::vector<Seed> png_seeds() {
  std::vector<Seed> seeds;
  for (const auto& [color_type, bits] : {std::pair{0, 1},
                                         {0, 2},
                                         {0, 4},
                                         {0, 8},
                                         {0, 16},
                                         {2, 8},
                                         {2, 16},
                                         {3, 1},
                                         {3, 2},
                                         {3, 4},
                                         {3, 8},
                                         {4, 8},
                                         {4, 16},
                                         {6, 8},
                                         {6, 16}}) {
    for (const bool interlaced : {false, true}) {
      const PngFixture fixture{.width = 24, .height = 21, .color_type = color_type, .bits = bits, .interlaced = interlaced};
      seeds.push_back({fixture.name(), encode_png(fixture)});
    }
  }
  return seeds;
}

/// Formats whose codecs run in a process of their own.
bool is_opaque(std::string_view codec) {
  return codec == "avif" || codec == "heic" || codec == "jpeg2000" || codec == "jpegxl";
}

}  // namespace

std::vector<Seed> seeds_of(std::string_view codec) {
  if (codec == "jpeg") return jpeg_seeds();
  if (codec == "png") return png_seeds();
  return is_opaque(codec) ? opaque_seeds_of(codec) : still_seeds_of(codec);
}

std::vector<std::uint8_t> huge_header_of(std::string_view codec) {
  constexpr std::uint8_t kSize[] = {60000 >> 8, 60000 & 255};
  if (codec == "jpeg") {
    auto bytes = encode_jpeg({.width = 16, .height = 16});
    const std::uint8_t marker[] = {0xFF, 0xC0};
    const auto frame = std::search(bytes.begin(), bytes.end(), std::begin(marker), std::end(marker));
    std::copy(std::begin(kSize), std::end(kSize), frame + 5);
    std::copy(std::begin(kSize), std::end(kSize), frame + 7);
    return bytes;
  }
  if (codec == "png") {
    auto bytes = encode_png({.width = 16, .height = 16});
    std::copy(std::begin(kSize), std::end(kSize), bytes.begin() + 18);
    std::copy(std::begin(kSize), std::end(kSize), bytes.begin() + 22);
    fix_checksums(bytes);
    return bytes;
  }
  return is_opaque(codec) ? opaque_huge_header_of(codec) : huge_still_of(codec);
}

}  // namespace smol::testing
