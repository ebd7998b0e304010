/// Our own decoder for sequential JPEGs against libjpeg-turbo called plainly: the same bits, on every instruction set, and
/// nothing decoded that is not in order.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include <jpeglib.h>

#include <random>

#include "codec/jpeg_baseline.h"
#include "codec/jpeg_library.h"
#include "unit/codec/jpeg_fixture.h"

namespace smol::testing {
namespace {

/// Decodes by JpegBaseline alone; empty where it does not take the picture or gives up.
std::optional<Collected> decode_here(JpegBaseline& baseline, const std::vector<std::uint8_t>& bytes, int denominator,
                                     std::optional<Rect> region = std::nullopt) {
  JpegLibrary library;
  const DecodeRequest request;
  if (!library.read_header(bytes, request) || !baseline.accepts(library.info(), denominator)) return std::nullopt;
  const Size size = baseline.scaled_size();
  Collector collector;
  const auto progress = baseline.decode(library.scan_bytes(), region.value_or(Rect{0, 0, size.width, size.height}),
                                        PixelFormat::kRgb8, {}, collector);
  if (!progress || progress->gave_up) return std::nullopt;
  return collector.finish();
}

std::vector<JpegFixture> accepted_fixtures() {
  std::vector<JpegFixture> all;
  const std::pair<int, int> sizes[] = {{128, 95}, {65, 129}, {8, 8}, {33, 17}, {257, 50}};
  for (const auto& [width, height] : sizes) {
    for (const auto& [horizontal, vertical] : {std::pair{1, 1}, std::pair{2, 1}, std::pair{2, 2}}) {
      for (const int quality : {10, 75, 100}) {
        all.push_back(
            {.width = width, .height = height, .horizontal = horizontal, .vertical = vertical, .quality = quality});
      }
      all.push_back(
          {.width = width, .height = height, .horizontal = horizontal, .vertical = vertical, .restart_interval = 3});
    }
    all.push_back({.width = width, .height = height, .color = "gray"});
    all.push_back({.width = width, .height = height, .color = "gray", .restart_interval = 1});
  }
  return all;
}

class JpegBaselineTest : public ::testing::TestWithParam<std::tuple<std::size_t, int>> {
 protected:
  void SetUp() override {
    const auto [kernels, denominator] = GetParam();
    if (kernels >= jpeg_kernels().size()) GTEST_SKIP() << "this machine lacks the instruction set";
    baseline_ = std::make_unique<JpegBaseline>(&jpeg_kernels()[kernels]);
    denominator_ = denominator;
  }
  std::unique_ptr<JpegBaseline> baseline_;
  int denominator_ = 1;
};

TEST_P(JpegBaselineTest, gives_the_bits_of_libjpeg_turbo) {
  int decoded = 0;
  for (const JpegFixture& fixture : accepted_fixtures()) {
    SCOPED_TRACE(fixture.name());
    const auto bytes = encode_jpeg(fixture);
    const auto reference = decode_by_libjpeg(bytes, denominator_);
    const auto here = decode_here(*baseline_, bytes, denominator_);
    // The library upsamples so few chroma columns, and those of 4:2:2 at 1/8, in another way.
    const bool plain = fixture.horizontal == 2 && fixture.color != "gray" &&
                       (fixture.width <= 8 || (fixture.vertical == 1 && denominator_ > 2));
    if (!here && plain) continue;
    ASSERT_TRUE(here.has_value()) << "not decoded here";
    ASSERT_EQ(here->scaled_size, reference.size);
    ASSERT_TRUE(here->pixels == reference.pixels);
    ++decoded;
  }
  EXPECT_GE(decoded, 50);
}

TEST_P(JpegBaselineTest, gives_any_region_of_them) {
  std::mt19937 random(3);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  for (const JpegFixture& fixture : accepted_fixtures()) {
    if (fixture.width < 65) continue;
    SCOPED_TRACE(fixture.name());
    const auto bytes = encode_jpeg(fixture);
    const auto whole = decode_here(*baseline_, bytes, denominator_);
    if (!whole) continue;
    for (int trial = 0; trial < 40; ++trial) {
      Rect region{below(whole->scaled_size.width), below(whole->scaled_size.height), 0, 0};
      region.width = 1 + below(whole->scaled_size.width - region.x);
      region.height = 1 + below(whole->scaled_size.height - region.y);
      const auto part = decode_here(*baseline_, bytes, denominator_, region);
      ASSERT_TRUE(part.has_value());
      ASSERT_EQ(part->delivered, region);
      ASSERT_TRUE(part->pixels == crop(*whole, region))
          << region.x << "," << region.y << " " << region.width << "x" << region.height;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(all, JpegBaselineTest,
                         ::testing::Combine(::testing::Values(0, 1, 2), ::testing::Values(1, 2, 4, 8)),
                         [](const auto& test) {
                           const std::size_t kernels = std::get<0>(test.param);
                           const auto name = kernels < jpeg_kernels().size() ? std::string(jpeg_kernels()[kernels].name)
                                                                             : "lacking" + std::to_string(kernels);
                           return name + "_scale" + std::to_string(std::get<1>(test.param));
                         });

/// Files with their own codes, and with ones longer than a lookup.
TEST(JpegBaselineCodesTest, may_be_any_and_change_from_picture_to_picture) {
  JpegBaseline baseline;
  for (unsigned seed = 1; seed <= 20; ++seed) {
    for (const int quality : {30, 97}) {
      const auto bytes = encode_jpeg({.width = 90,
                                      .height = 70,
                                      .horizontal = 1,
                                      .vertical = 1,
                                      .quality = quality,
                                      .seed = seed,
                                      .optimized = seed % 2 == 0});
      const auto here = decode_here(baseline, bytes, 1);
      ASSERT_TRUE(here.has_value());
      ASSERT_TRUE(here->pixels == decode_by_libjpeg(bytes, 1).pixels) << seed << ", quality " << quality;
    }
  }
}

TEST(JpegBaselineRefusalTest, leaves_other_codings_to_the_library) {
  JpegBaseline baseline;
  for (const JpegFixture& fixture :
       {JpegFixture{.progressive = true}, JpegFixture{.arithmetic = true}, JpegFixture{.separate_scans = true},
        JpegFixture{.color = "cmyk"}, JpegFixture{.color = "rgb"}, JpegFixture{.horizontal = 1, .vertical = 2},
        JpegFixture{.horizontal = 4, .vertical = 1}}) {
    EXPECT_FALSE(decode_here(baseline, encode_jpeg(fixture), 1).has_value()) << fixture.name();
  }
}

/// Whatever is cut off or changed in the data: the same rows, or none from there on.
TEST(JpegBaselineDamageTest, gives_up_at_the_first_irregularity) {
  JpegBaseline baseline;
  std::mt19937 random(5);
  for (const JpegFixture& fixture : {JpegFixture{}, JpegFixture{.restart_interval = 2}, JpegFixture{.color = "gray"}}) {
    const auto bytes = encode_jpeg(fixture);
    JpegLibrary library;
    ASSERT_TRUE(library.read_header(bytes, DecodeRequest()));
    const std::size_t scan_begin = bytes.size() - library.scan_bytes().size();
    ASSERT_TRUE(decode_here(baseline, bytes, 1).has_value());
    for (std::size_t length = scan_begin; length < bytes.size(); length += 7) {
      const std::vector<std::uint8_t> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(length));
      EXPECT_FALSE(decode_here(baseline, cut, 1).has_value()) << "cut to " << length;
    }
    auto missing_marker = bytes;  // what follows is the library's to judge
    missing_marker.resize(bytes.size() - 2);
    EXPECT_FALSE(decode_here(baseline, missing_marker, 1).has_value());
  }
}

/// Intervals outside the region are not decoded, only counted by their markers.
TEST(JpegBaselineRestartTest, jumps_over_intervals_that_nobody_wants) {
  JpegBaseline baseline;
  const auto bytes = encode_jpeg({.width = 128, .height = 95, .restart_interval = 8});  // a row of MCUs
  const Rect region{20, 64, 60, 31};
  const auto expected = decode_here(baseline, bytes, 1, region);
  ASSERT_TRUE(expected.has_value());
  auto damaged = bytes;
  std::size_t marker = 0;
  while (bytes[marker] != 0xFF || bytes[marker + 1] != 0xD0) ++marker;
  for (std::size_t at = marker - 20; at < marker; ++at) damaged[at] = 0x55;
  const auto rest = decode_here(baseline, damaged, 1, region);
  ASSERT_TRUE(rest.has_value());
  EXPECT_TRUE(rest->pixels == expected->pixels);
  EXPECT_FALSE(decode_here(baseline, damaged, 1).has_value()) << "the damage is no damage";
  damaged = bytes;
  damaged[marker + 1] = 0xD1;  // an interval is missing
  EXPECT_FALSE(decode_here(baseline, damaged, 1, region).has_value());
}

/// The segments with that marker, without it and its length.
struct Segment {
  std::size_t begin, size;  ///< with marker
};
std::vector<Segment> segments(const std::vector<std::uint8_t>& bytes, std::uint8_t marker) {
  std::vector<Segment> found;
  for (std::size_t at = 2; bytes[at + 1] != 0xDA;) {
    const std::size_t size = 2 + (std::size_t{bytes[at + 2]} << 8 | bytes[at + 3]);
    if (bytes[at + 1] == marker) found.push_back({at, size});
    at += size;
  }
  return found;
}
std::vector<std::uint8_t> without(std::vector<std::uint8_t> bytes, std::uint8_t marker) {
  auto found = segments(bytes, marker);
  for (auto segment = found.rbegin(); segment != found.rend(); ++segment) {
    const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(segment->begin);
    bytes.erase(first, first + static_cast<std::ptrdiff_t>(segment->size));
  }
  return bytes;
}

Result<DecodeReport> decode(Decoder& decoder, const std::vector<std::uint8_t>& bytes, RowConsumer& consumer,
                            FailOn fail_on = FailOn::kTruncated, int denominator = 1) {
  DecodeRequest request;
  request.format = PixelFormat::kRgb8;
  request.fail_on = fail_on;
  request.scale_denominator = denominator;
  return decoder.decode(bytes, request, consumer);
}

/// A decoder has no memory of other pictures, though the library would keep their tables.
TEST(JpegTablesTest, are_those_of_the_picture_or_the_standard_ones) {
  const auto warm = built_in_codecs().find("jpeg")->create_decoder();
  for (const bool progressive : {false, true}) {
    const auto optimized = encode_jpeg({.progressive = progressive, .quality = 40, .optimized = true});
    Collector ignored, expected, actual;
    ASSERT_TRUE(decode(*warm, optimized, ignored).ok());
    const auto bytes = encode_jpeg({});  // with the standard codes
    ASSERT_TRUE(decode(*built_in_codecs().find("jpeg")->create_decoder(), bytes, expected).ok());
    ASSERT_TRUE(decode(*warm, without(bytes, 0xC4), actual).ok());
    EXPECT_TRUE(actual.finish().pixels == expected.finish().pixels);
    Collector none;
    EXPECT_EQ(code_of(decode(*warm, without(bytes, 0xDB), none)), ErrorCode::kCorrupt);
  }
}

/// Steps that make coefficients no picture has: where libjpeg-turbo wraps or saturates, it is asked.
TEST(JpegExtremeCoefficientsTest, give_the_bits_of_libjpeg_turbo) {
  const auto decoder = built_in_codecs().find("jpeg")->create_decoder();
  for (const char* color : {"gray", "ycc"}) {
    for (const std::size_t first : {std::size_t{0}, std::size_t{1}, std::size_t{5}}) {
      for (const int quality : {50, 60, 100}) {
        const bool flat = quality == 50;
        auto bytes = encode_jpeg({.width = 64, .height = 64, .color = color, .quality = quality, .flat = flat});
        for (const Segment& segment : segments(bytes, 0xDB)) {
          for (std::size_t k = first; k < first + 3; ++k) bytes[segment.begin + 5 + k] = 255;
        }
        for (const int denominator : {1, 2, 4, 8}) {
          Collector collector;
          ASSERT_TRUE(decode(*decoder, bytes, collector, FailOn::kNone, denominator).ok());
          EXPECT_TRUE(collector.finish().pixels == decode_by_libjpeg(bytes, denominator).pixels)
              << color << ", steps from " << first << ", quality " << quality << ", 1/" << denominator;
        }
      }
    }
  }
}

/// Also a consumer that needs no more after the last row.
TEST(JpegVerdictTest, counts_what_follows_the_last_row) {
  const auto decoder = built_in_codecs().find("jpeg")->create_decoder();
  auto bytes = encode_jpeg({});
  bytes.insert(bytes.end() - 2, 20, 0x55);
  for (const int stop_after : {-1, 95}) {
    Collector collector(stop_after), strict(stop_after);
    const auto report = decode(*decoder, bytes, collector);
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->recovered) << stop_after;
    EXPECT_EQ(code_of(decode(*decoder, bytes, strict, FailOn::kError)), ErrorCode::kCorrupt) << stop_after;
  }
}

TEST(JpegVerdictTest, counts_odd_parameters_of_the_scan) {
  const auto decoder = built_in_codecs().find("jpeg")->create_decoder();
  auto bytes = encode_jpeg({});
  std::size_t scan = 2;
  while (bytes[scan + 1] != 0xDA) scan += 2 + (std::size_t{bytes[scan + 2]} << 8 | bytes[scan + 3]);
  const std::size_t end = scan + 2 + (std::size_t{bytes[scan + 2]} << 8 | bytes[scan + 3]);
  bytes[end - 2] = 0;  // last coefficient of the scan
  Collector collector, strict;
  const auto report = decode(*decoder, bytes, collector);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->warnings, 1);
  EXPECT_EQ(code_of(decode(*decoder, bytes, strict, FailOn::kWarning)), ErrorCode::kCorrupt);
}

/// T.81 C.2 reserves the code of all ones.
TEST(JpegHuffmanCodeTest, refuses_codes_of_all_ones) {
  JHUFF_TBL table{};
  table.bits[1] = 2;
  JpegHuffmanCode code;
  EXPECT_FALSE(code.build(table, JpegHuffmanCode::Class::kDc));
  table.bits[1] = 1;
  EXPECT_TRUE(code.build(table, JpegHuffmanCode::Class::kDc));
}

}  // namespace
}  // namespace smol::testing
