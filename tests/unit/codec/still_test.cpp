/// WebP, GIF, TIFF, BMP and PPM: what their headers say, damage at every strictness, regions, backgrounds.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "unit/codec/jpeg_fixture.h"
#include "unit/codec/still_fixture.h"

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;

class StillTest : public ::testing::Test {
 protected:
  static Decoder& decoder_of(ByteView bytes) {
    static const CodecRegistry registry = built_in_codecs();
    static std::map<const Codec*, std::unique_ptr<Decoder>> decoders;
    const Codec* const codec = registry.sniff(bytes);
    if (codec == nullptr) throw std::runtime_error("no codec knows the bytes");
    std::unique_ptr<Decoder>& decoder = decoders[codec];
    if (!decoder) decoder = codec->create_decoder();
    return *decoder;
  }
  static ImageHeader header_of(const Bytes& bytes) { return decoder_of(bytes).probe(bytes).value(); }
  static Result<DecodeReport> decode(const Bytes& bytes, const DecodeRequest& request, Collector& collector) {
    return decoder_of(bytes).decode(bytes, request, collector);
  }
  static Result<DecodeReport> decode(const Bytes& bytes, FailOn fail_on) {
    Collector collector;
    DecodeRequest request = rgb();
    request.fail_on = fail_on;
    return decode(bytes, request, collector);
  }
  static Bytes pixels_of(const Bytes& bytes, const DecodeRequest& request) {
    Collector collector;
    const auto report = decode(bytes, request, collector);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return collector.finish().pixels;
  }
  static DecodeRequest rgb() {
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    return request;
  }
  static Bytes first_part(const Bytes& bytes, double part) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(bytes.size()) * part)};
  }
};

TEST_F(StillTest, headers_say_what_the_files_hold) {
  const ImageHeader webp = header_of(encode_webp({.alpha = true, .animated = true, .orientation = 6}));
  EXPECT_EQ(webp.width, 48);
  EXPECT_EQ(webp.height, 39);
  EXPECT_EQ(webp.num_frames, 2);
  EXPECT_EQ(webp.orientation, Orientation::kRotate90);
  EXPECT_TRUE(webp.alpha);
  const ImageHeader gif = header_of(encode_gif({.interlaced = true, .transparent_index = 2, .num_frames = 3}));
  EXPECT_EQ(gif.num_frames, 3);
  EXPECT_TRUE(gif.progressive && gif.alpha && gif.palette);
  const ImageHeader tiff =
      header_of(encode_tiff({.bits = 16, .samples = 1, .photometric = 0, .orientation = 8, .num_pages = 4}));
  EXPECT_EQ(tiff.num_frames, 4);
  EXPECT_EQ(tiff.bits, 16);
  EXPECT_EQ(tiff.orientation, Orientation::kRotate270);
  EXPECT_TRUE(tiff.is_gray());
  EXPECT_EQ(header_of(encode_tiff({.samples = 4, .photometric = 5})).channels, 4);
  EXPECT_TRUE(header_of(encode_tiff({.samples = 4, .extra_sample = 2})).alpha);
  EXPECT_FALSE(header_of(encode_tiff({.samples = 4, .extra_sample = 0})).alpha);
  EXPECT_TRUE(header_of(encode_bmp({.bits = 32, .compression = 3, .header_bytes = 124})).alpha);
  EXPECT_FALSE(header_of(encode_bmp({.bits = 32})).alpha);
  EXPECT_TRUE(header_of(encode_bmp({.bits = 8, .compression = 1})).progressive) << "unpacked as a whole";
  EXPECT_EQ(header_of(encode_ppm(5, 65535)).bits, 16);
  EXPECT_TRUE(header_of(encode_ppm(4, 1)).is_gray());
  for (const char* codec : {"webp", "gif", "tiff", "bmp", "ppm"}) {
    for (const Seed& seed : seeds_of(codec)) {
      const std::int64_t size = header_of(seed.bytes).compressed_bytes;
      EXPECT_GT(size, 20) << seed.name;
      EXPECT_LE(size, static_cast<std::int64_t>(seed.bytes.size())) << seed.name;
    }
  }
}

/// libwebp begins crops at even pixels and upsamples chroma at their edges as at the picture's.
TEST_F(StillTest, every_region_of_a_webp_is_a_part_of_the_whole) {
  for (const bool lossless : {false, true}) {
    for (const bool alpha : {false, true}) {
      const Bytes bytes = encode_webp({.width = 23, .height = 37, .lossless = lossless, .alpha = alpha});
      for (const bool on_background : {false, true}) {
        DecodeRequest request = rgb();
        if (on_background) request.background = {10, 200, 90};
        Collector whole;
        ASSERT_TRUE(decode(bytes, request, whole).ok());
        const Collected& expected = whole.finish();
        for (int y = 0; y < 37; ++y) {
          for (int x = 0; x < 23; ++x) {
            for (const Size size : {Size{1, 1}, Size{2, 3}, Size{9, 18}}) {
              request.region = Rect{x, y, std::min(size.width, 23 - x), std::min(size.height, 37 - y)};
              Collector part;
              ASSERT_TRUE(decode(bytes, request, part).ok());
              const Collected& actual = part.finish();
              ASSERT_EQ(actual.delivered, *request.region) << "only what is asked for";
              ASSERT_EQ(actual.pixels, crop(expected, *request.region)) << x << "," << y << " lossless " << lossless;
            }
          }
        }
      }
    }
  }
}

TEST_F(StillTest, tiles_outside_a_region_are_not_delivered) {
  const Bytes bytes = encode_tiff({.width = 60, .height = 50, .compression = 5, .tiled = true});
  Collector whole, part;
  ASSERT_TRUE(decode(bytes, rgb(), whole).ok());
  DecodeRequest request = rgb();
  request.region = Rect{17, 18, 10, 3};
  ASSERT_TRUE(decode(bytes, request, part).ok());
  const Collected& actual = part.finish();
  EXPECT_EQ(actual.delivered, (Rect{16, 18, 16, 3}));
  EXPECT_EQ(actual.pixels, crop(whole.finish(), actual.delivered));
}

TEST_F(StillTest, cut_files_fail_or_keep_what_is_there) {
  const std::pair<const char*, Bytes> files[] = {
      {"lossy", encode_webp({.width = 120, .height = 150})},
      {"lossless", encode_webp({.width = 120, .height = 150, .lossless = true})},
      {"gif", encode_gif({.width = 120, .height = 150})},
      {"top-down bmp", encode_bmp({.width = 120, .height = 150, .top_down = true})},
      {"ppm", encode_ppm(6, 255, 120, 150)},
      {"plain ppm", encode_ppm(3, 255, 40, 50)},
  };
  for (const auto& [name, whole] : files) {
    SCOPED_TRACE(name);
    const Bytes half = first_part(whole, 0.6);
    for (const FailOn level : {FailOn::kTruncated, FailOn::kError}) {
      EXPECT_EQ(code_of(decode(half, level)), ErrorCode::kTruncated);
    }
    DecodeRequest request = rgb();
    const Bytes expected = pixels_of(whole, request);
    request.fail_on = FailOn::kNone;
    Collector partial;
    const auto report = decode(half, request, partial);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_TRUE(report->truncated);
    const Collected& actual = partial.finish();
    ASSERT_EQ(actual.pixels.size(), expected.size());
    EXPECT_GT(report->rows_decoded, actual.delivered.height / 5);
    EXPECT_LT(report->rows_decoded, actual.delivered.height);
    const auto end = static_cast<std::ptrdiff_t>(report->rows_decoded) * actual.delivered.width * 3;
    EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + end, actual.pixels.begin()));
    EXPECT_EQ(actual.pixels.back(), 128) << "missing rows are grey";
  }
}

TEST_F(StillTest, a_cut_strip_of_a_tiff_costs_only_itself) {
  Bytes bytes = encode_tiff({.width = 40, .height = 40, .compression = 1, .rows_per_strip = 10});
  const auto report = decode(bytes, FailOn::kWarning);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  // libtiff writes the directory last: without it there is no picture.
  EXPECT_EQ(code_of(decode(first_part(bytes, 0.5), FailOn::kNone)), ErrorCode::kTruncated);
  bytes = encode_tiff({.width = 40, .height = 40, .compression = 5, .rows_per_strip = 10});
  // The second strip's codes; strips follow one another from byte 8 on.
  const auto strip = static_cast<std::size_t>(header_of(bytes).compressed_bytes) / 4;
  for (std::size_t i = 8 + strip + strip / 4; i < 8 + strip + strip / 2; ++i) bytes[i] = 0xFF;
  EXPECT_EQ(code_of(decode(bytes, FailOn::kTruncated)), ErrorCode::kCorrupt);
  const auto partial = decode(bytes, FailOn::kNone);
  ASSERT_TRUE(partial.ok());
  EXPECT_TRUE(partial->recovered);
  EXPECT_GE(partial->rows_decoded, 30);
  EXPECT_LT(partial->rows_decoded, 40);
}

TEST_F(StillTest, missing_ends_are_only_warnings) {
  Bytes gif = encode_gif({});
  gif.pop_back();
  Bytes webp = encode_webp({.orientation = 6});
  webp.resize(webp.size() - 3);
  for (const Bytes& bytes : {gif, webp}) {
    const auto report = decode(bytes, FailOn::kError);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_EQ(report->warnings, 1);
    EXPECT_EQ(code_of(decode(bytes, FailOn::kWarning)), ErrorCode::kCorrupt);
  }
}

TEST_F(StillTest, runs_beyond_their_row_are_recovered_from) {
  Bytes bytes = encode_bmp({.bits = 8, .compression = 1});
  const auto run = bytes.begin() + 14 + 40 + 4 * 256;
  *run = 200;  // a run, or the escape that becomes one
  EXPECT_EQ(code_of(decode(bytes, FailOn::kError)), ErrorCode::kCorrupt);
  const auto report = decode(bytes, FailOn::kTruncated);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->recovered);
}

TEST_F(StillTest, numbers_of_plain_ppm_that_may_go_on_are_cut) {
  const auto plain = [](const std::string& text) {
    const std::string file = "P2 2 1 200\n" + text;
    return Bytes(file.begin(), file.end());
  };
  EXPECT_TRUE(decode(plain("7 12\n"), FailOn::kWarning).ok());
  EXPECT_EQ(code_of(decode(plain("7 12"), FailOn::kTruncated)), ErrorCode::kTruncated) << "or 120?";
  EXPECT_TRUE(decode(plain("7 125"), FailOn::kTruncated).ok());
  EXPECT_EQ(code_of(decode(plain("7 201\n"), FailOn::kTruncated)), ErrorCode::kCorrupt);
  EXPECT_EQ(code_of(decode(plain("7 x"), FailOn::kTruncated)), ErrorCode::kCorrupt);
  EXPECT_EQ(pixels_of(plain("7#seven\n 12 "), rgb())[0], 9);
}

TEST_F(StillTest, unreadable_variants_are_named) {
  const auto message = [](const Bytes& bytes) {
    const auto report = decode(bytes, FailOn::kNone);
    EXPECT_EQ(code_of(report), ErrorCode::kUnsupported);
    return report.ok() ? "" : report.error().message;
  };
  Bytes bmp = encode_bmp({.bits = 24});
  bmp[30] = 4;
  EXPECT_THAT(message(bmp), HasSubstr("JPEG or PNG"));
  EXPECT_THAT(message(encode_tiff({.samples = 3, .photometric = 8})), HasSubstr("colours of kind 8"));
  EXPECT_THAT(message(encode_tiff({.samples = 1, .photometric = 1, .compression = 34925})), HasSubstr("compression 34925"));
}

TEST_F(StillTest, tiles_much_larger_than_the_picture_are_refused) {
  Bytes bytes = encode_tiff({.width = 20, .height = 20, .compression = 8, .tiled = true});
  const std::size_t directory =
      bytes[4] | static_cast<std::size_t>(bytes[5]) << 8 | static_cast<std::size_t>(bytes[6]) << 16;
  for (std::size_t i = 0; i < bytes[directory]; ++i) {
    std::uint8_t* const field = &bytes[directory + 2 + 12 * i];
    const int tag = field[0] | field[1] << 8;
    if (tag != 322 && tag != 323) continue;
    field[8] = 0;
    field[9] = 0x40;
  }
  EXPECT_EQ(code_of(decode(bytes, FailOn::kNone)), ErrorCode::kLimitExceeded);
}

TEST_F(StillTest, alpha_is_dropped_or_composited) {
  const Bytes gray_alpha = encode_tiff({.samples = 2, .photometric = 1, .extra_sample = 2});
  const Bytes samples = make_samples(37, 34, 2);
  DecodeRequest request;
  request.format = PixelFormat::kGray8;
  Bytes pixels = pixels_of(gray_alpha, request);
  for (std::size_t i = 0; i < pixels.size(); ++i) ASSERT_EQ(pixels[i], samples[2 * i]);
  request.background = {255, 0, 0};  // of luma 76
  pixels = pixels_of(gray_alpha, request);
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    const double expected = (samples[2 * i] * samples[2 * i + 1] + 76.0 * (255 - samples[2 * i + 1])) / 255;
    ASSERT_NEAR(pixels[i], expected, 0.51);
  }
  // Pictures that are opaque do not change.
  for (const Bytes& bytes :
       {encode_bmp({.bits = 32}), encode_ppm(6, 255), encode_tiff({}), encode_webp({}), encode_gif({})}) {
    DecodeRequest laid = rgb();
    laid.background = {1, 2, 3};
    EXPECT_EQ(pixels_of(bytes, laid), pixels_of(bytes, rgb()));
  }
}

TEST_F(StillTest, loops_of_pages_end) {
  Bytes bytes = encode_tiff({.samples = 1, .photometric = 1, .num_pages = 3});
  // The last page's "next" points to the first.
  const std::size_t first = bytes[4] | static_cast<std::size_t>(bytes[5]) << 8;
  std::size_t at = first, next_field = 0;
  while (at != 0) {
    next_field = at + 2 + 12u * bytes[at];
    at = bytes[next_field] | static_cast<std::size_t>(bytes[next_field + 1]) << 8;
  }
  std::memcpy(&bytes[next_field], &bytes[4], 4);
  const ImageHeader header = header_of(bytes);
  EXPECT_GE(header.num_frames, 3);
  EXPECT_LT(header.num_frames, 20);
  EXPECT_TRUE(decode(bytes, FailOn::kError).ok());
}

}  // namespace
}  // namespace smol::testing
