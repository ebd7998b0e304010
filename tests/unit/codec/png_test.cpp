#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/codec/jpeg_fixture.h"
#include "unit/codec/png_fixture.h"

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;

class PngTest : public ::testing::Test {
 protected:
  Result<DecodeReport> decode(const Bytes& bytes, FailOn fail_on, Collector& collector, std::optional<Rect> region = {}) {
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    request.fail_on = fail_on;
    request.region = region;
    return decoder_->decode(bytes, request, collector);
  }
  Result<DecodeReport> decode(const Bytes& bytes, FailOn fail_on) {
    Collector collector;
    return decode(bytes, fail_on, collector);
  }
  std::unique_ptr<Decoder> decoder_ = built_in_codecs().find("png")->create_decoder();
};

TEST_F(PngTest, rows_of_a_region_equal_those_of_the_whole) {
  std::mt19937 random(2);
  for (const int color_type : {0, 2, 3, 6}) {
    for (const bool interlaced : {false, true}) {
      const PngFixture fixture{.width = 33, .height = 70, .color_type = color_type, .interlaced = interlaced};
      SCOPED_TRACE(fixture.name());
      const Bytes bytes = encode_png(fixture);
      Collector whole;
      ASSERT_TRUE(decode(bytes, FailOn::kWarning, whole).ok());
      const Collected& expected = whole.finish();
      for (int trial = 0; trial < 40; ++trial) {
        const int y = static_cast<int>(random() % 70),
                  height = 1 + static_cast<int>(random() % (70u - static_cast<unsigned>(y)));
        Collector part;
        ASSERT_TRUE(decode(bytes, FailOn::kWarning, part, Rect{5, y, 7, height}).ok());
        const Collected& actual = part.finish();
        ASSERT_EQ(actual.delivered, (Rect{0, y, 33, height})) << "whole rows";
        ASSERT_EQ(actual.pixels, crop(expected, actual.delivered));
      }
    }
  }
}

TEST_F(PngTest, truncated_data_fail_unless_told_otherwise) {
  for (const bool interlaced : {false, true}) {
    const Bytes whole = encode_png({.width = 90, .height = 80, .interlaced = interlaced});
    const Bytes half(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(whole.size() / 2));
    for (const FailOn level : {FailOn::kTruncated, FailOn::kError}) {
      const auto report = decode(half, level);
      ASSERT_FALSE(report.ok());
      EXPECT_EQ(report.error().code, ErrorCode::kTruncated);
      EXPECT_THAT(report.error().message, HasSubstr("--fail-on none"));
    }
    Collector expected, partial;
    ASSERT_TRUE(decode(whole, FailOn::kWarning, expected).ok());
    const auto report = decode(half, FailOn::kNone, partial);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_TRUE(report->truncated);
    const Collected &all = expected.finish(), &some = partial.finish();
    ASSERT_EQ(some.pixels.size(), all.pixels.size());
    if (interlaced) continue;
    EXPECT_GT(report->rows_decoded, 25);
    EXPECT_LT(report->rows_decoded, 80);
    const auto end = static_cast<std::ptrdiff_t>(report->rows_decoded) * 90 * 3;
    EXPECT_TRUE(std::equal(all.pixels.begin(), all.pixels.begin() + end, some.pixels.begin()));
    EXPECT_EQ(some.pixels.back(), 128) << "missing rows are grey";
    // The rows that are there need no others.
    Collector top;
    EXPECT_TRUE(decode(half, FailOn::kError, top, Rect{0, 0, 90, 20}).ok());
  }
}

TEST_F(PngTest, a_header_taller_than_its_data_is_truncation) {
  Bytes bytes = encode_png({.width = 40, .height = 37});
  constexpr std::size_t kHeightOffset = 8 + 8 + 7;
  bytes[kHeightOffset] = 60;
  fix_checksums(bytes);
  EXPECT_EQ(code_of(decode(bytes, FailOn::kTruncated)), ErrorCode::kTruncated);
  Collector collector;
  const auto report = decode(bytes, FailOn::kNone, collector);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->truncated);
  EXPECT_EQ(report->rows_decoded, 37);
  EXPECT_EQ(collector.finish().pixels.back(), 128);
  // And one that is shorter leaves data over, which harms nobody.
  bytes[kHeightOffset] = 20;
  fix_checksums(bytes);
  EXPECT_EQ(decode(bytes, FailOn::kError).value().warnings, 1);
  EXPECT_EQ(code_of(decode(bytes, FailOn::kWarning)), ErrorCode::kCorrupt);
}

TEST_F(PngTest, checksums_count_from_error_on) {
  const Bytes whole = encode_png({});
  const std::size_t at = find_chunk(whole, "IDAT");
  const std::size_t length = static_cast<std::size_t>(whole[at + 2]) << 8 | whole[at + 3];
  Bytes wrong_crc = whole;
  wrong_crc[at + 8 + length] ^= 1;
  Bytes wrong_adler = whole;
  wrong_adler[at + 8 + length - 1] ^= 1;
  fix_checksums(wrong_adler);
  for (const Bytes& bytes : {wrong_crc, wrong_adler}) {
    Collector expected, actual;
    ASSERT_TRUE(decode(whole, FailOn::kWarning, expected).ok());
    const auto report = decode(bytes, FailOn::kTruncated, actual);
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->recovered);
    EXPECT_EQ(actual.finish().pixels, expected.finish().pixels);
    EXPECT_EQ(code_of(decode(bytes, FailOn::kError)), ErrorCode::kCorrupt);
  }
  Bytes wrong_header = whole;
  wrong_header[8 + 8 + 13] ^= 1;
  EXPECT_EQ(code_of(decode(wrong_header, FailOn::kTruncated)), ErrorCode::kCorrupt);
  EXPECT_TRUE(decode(wrong_header, FailOn::kNone).ok());
}

TEST_F(PngTest, broken_pixel_data_fail_or_leave_the_rows_above) {
  Bytes bytes = encode_png({.width = 90, .height = 80});
  const std::size_t at = find_chunk(bytes, "IDAT");
  for (std::size_t i = at + 4000; i < at + 4100; ++i) bytes[i] = 0xFF;
  fix_checksums(bytes);
  EXPECT_EQ(code_of(decode(bytes, FailOn::kTruncated)), ErrorCode::kCorrupt);
  const auto report = decode(bytes, FailOn::kNone);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->recovered || report->truncated);
  EXPECT_GT(report->rows_decoded, 0);
}

TEST_F(PngTest, unknown_critical_chunks_and_surplus_ends_are_told_apart) {
  const Bytes whole = encode_png({});
  Bytes without_end(whole.begin(), whole.end() - 12);
  EXPECT_TRUE(decode(without_end, FailOn::kError).ok());
  EXPECT_FALSE(decode(without_end, FailOn::kWarning).ok());
  Bytes unknown = whole;
  const Bytes chunk{0, 0, 0, 0, 'Q', 'Q', 'Q', 'Q', 0, 0, 0, 0};
  unknown.insert(unknown.begin() + static_cast<std::ptrdiff_t>(find_chunk(whole, "IDAT")), chunk.begin(), chunk.end());
  fix_checksums(unknown);
  EXPECT_TRUE(decode(unknown, FailOn::kTruncated)->recovered);
  EXPECT_FALSE(decode(unknown, FailOn::kError).ok());
}

TEST_F(PngTest, probe_reports_what_decoding_costs) {
  const auto header = decoder_->probe(encode_png({.color_type = 6, .bits = 16, .interlaced = true}));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->format, "png");
  EXPECT_TRUE(header->progressive);
  EXPECT_TRUE(header->alpha);
  EXPECT_EQ(header->bits, 16);
  EXPECT_EQ(header->channels, 3);
  EXPECT_GT(header->compressed_bytes, 1000);
  EXPECT_TRUE(decoder_->probe(encode_png({.color_type = 4}))->is_gray());
  EXPECT_FALSE(decoder_->probe(encode_png({.color_type = 3}))->is_gray());
}

}  // namespace
}  // namespace smol::testing
