/// What each --fail-on level does with JPEGs that are damaged in known ways.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "unit/codec/jpeg_fixture.h"

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;

class JpegFaultsTest : public ::testing::Test {
 protected:
  Result<DecodeReport> decode(const Bytes& bytes, FailOn fail_on, Image& image) {
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    request.fail_on = fail_on;
    return decode_to_image(*decoder_, bytes, request, image);
  }
  Result<DecodeReport> decode(const Bytes& bytes, FailOn fail_on) {
    Image image;
    return decode(bytes, fail_on, image);
  }
  static Bytes cut(const Bytes& bytes, double fraction) {
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(bytes.size() * fraction)};
  }
  std::unique_ptr<Decoder> decoder_ = built_in_codecs().find("jpeg")->create_decoder();
};

TEST_F(JpegFaultsTest, truncated_data_fail_unless_told_otherwise) {
  for (const JpegFixture& fixture : {JpegFixture{}, JpegFixture{.restart_interval = 2}, JpegFixture{.arithmetic = true},
                                     JpegFixture{.separate_scans = true}}) {
    SCOPED_TRACE(fixture.name());
    const Bytes whole = encode_jpeg(fixture), half = cut(whole, 0.6);
    for (const FailOn level : {FailOn::kTruncated, FailOn::kError, FailOn::kWarning}) {
      const auto report = decode(half, level);
      ASSERT_FALSE(report.ok());
      EXPECT_EQ(report.error().code, ErrorCode::kTruncated);
      EXPECT_THAT(report.error().message, HasSubstr("--fail-on none"));
    }
    Image expected, partial;
    ASSERT_TRUE(decode(whole, FailOn::kWarning, expected).ok());
    const auto report = decode(half, FailOn::kNone, partial);
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    EXPECT_TRUE(report->truncated);
    if (fixture.separate_scans) continue;  // luma is complete, chroma is not
    EXPECT_GT(report->rows_decoded, fixture.height / 3);
    EXPECT_LT(report->rows_decoded, fixture.height);
    for (int y = 0; y < report->rows_decoded; ++y) {
      ASSERT_TRUE(std::equal(expected.view().row(y), expected.view().row(y) + 3 * fixture.width, partial.view().row(y)))
          << y;
    }
  }
}

TEST_F(JpegFaultsTest, rows_that_are_there_need_no_others) {
  const Bytes whole = encode_jpeg({}), half = cut(whole, 0.6);
  DecodeRequest request;
  request.region = Rect{20, 0, 50, 24};
  request.fail_on = FailOn::kWarning;
  Collector expected, actual;
  ASSERT_TRUE(decoder_->decode(whole, request, expected).ok());
  ASSERT_TRUE(decoder_->decode(half, request, actual).ok());
  EXPECT_EQ(actual.finish().pixels, expected.finish().pixels);
}

TEST_F(JpegFaultsTest, a_missing_end_marker_costs_no_pixel) {
  Bytes bytes = encode_jpeg({});
  bytes.resize(bytes.size() - 2);
  EXPECT_TRUE(decode(bytes, FailOn::kWarning).ok());
}

TEST_F(JpegFaultsTest, missing_scans_are_noticed) {
  const Bytes whole = encode_jpeg({.progressive = true});
  for (const double fraction : {0.5, 0.8, 0.999}) {
    const Bytes part = cut(whole, fraction);
    EXPECT_EQ(code_of(decode(part, FailOn::kTruncated)), ErrorCode::kTruncated);
    const auto report = decode(part, FailOn::kNone);
    ASSERT_TRUE(report.ok());
    EXPECT_TRUE(report->truncated);
  }
}

TEST_F(JpegFaultsTest, a_broken_later_scan_leaves_the_earlier_ones) {
  Bytes bytes = encode_jpeg({.progressive = true});
  // The last table definition becomes nonsense: a fatal error for the library.
  const std::uint8_t marker[] = {0xFF, 0xC4};
  const auto table = std::find_end(bytes.begin(), bytes.end(), std::begin(marker), std::end(marker));
  ASSERT_NE(table, bytes.end());
  table[4] = 0x7F;
  EXPECT_EQ(code_of(decode(bytes, FailOn::kTruncated)), ErrorCode::kCorrupt);
  const auto report = decode(bytes, FailOn::kNone);
  ASSERT_TRUE(report.ok()) << report.error().to_string();
  EXPECT_TRUE(report->truncated);
  EXPECT_TRUE(report->recovered);
}

TEST_F(JpegFaultsTest, papered_over_errors_fail_from_error_on) {
  for (const int restart_interval : {0, 4}) {
    int found = 0;
    for (unsigned seed = 1; seed < 60 && found < 5; ++seed) {
      Bytes bytes = encode_jpeg({.restart_interval = restart_interval, .seed = seed});
      // Sixteen ones in a row are no Huffman code.
      for (std::size_t i = 0; i < 8; ++i) bytes[bytes.size() / 2 + i] = i % 2 == 0 ? 0xFF : 0x00;
      const auto report = decode(bytes, FailOn::kTruncated);
      if (!report || !report->recovered) continue;
      ++found;
      EXPECT_GT(report->warnings, 0);
      EXPECT_EQ(code_of(decode(bytes, FailOn::kError)), ErrorCode::kCorrupt);
      EXPECT_EQ(code_of(decode(bytes, FailOn::kWarning)), ErrorCode::kCorrupt);
    }
    EXPECT_EQ(found, 5) << "restart interval " << restart_interval;
  }
}

TEST_F(JpegFaultsTest, harmless_oddities_fail_only_at_warning) {
  Bytes bytes = encode_jpeg({.color = "ycck"});
  const char adobe[] = {'A', 'd', 'o', 'b', 'e'};
  const auto segment = std::search(bytes.begin(), bytes.end(), std::begin(adobe), std::end(adobe));
  ASSERT_NE(segment, bytes.end());
  segment[11] = 7;  // an unknown colour transform
  const auto report = decode(bytes, FailOn::kError);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->warnings, 1);
  EXPECT_FALSE(report->recovered);
  EXPECT_EQ(code_of(decode(bytes, FailOn::kWarning)), ErrorCode::kCorrupt);
}

TEST_F(JpegFaultsTest, too_many_scans_are_refused) {
  const Bytes bytes = encode_jpeg({.progressive = true});
  DecodeRequest request;
  request.limits.max_scans = 3;
  Collector collector;
  const auto report = decoder_->decode(bytes, request, collector);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kLimitExceeded);
  EXPECT_THAT(report.error().message, HasSubstr("--max-scans allows (3)"));
  request.limits.max_scans = 100;
  EXPECT_TRUE(decoder_->decode(bytes, request, collector).ok());
}

TEST_F(JpegFaultsTest, says_what_it_cannot_decode) {
  Bytes twelve_bits = encode_jpeg({});
  const std::uint8_t marker[] = {0xFF, 0xC0};
  const auto frame = std::search(twelve_bits.begin(), twelve_bits.end(), std::begin(marker), std::end(marker));
  frame[4] = 12;
  EXPECT_EQ(code_of(decode(twelve_bits, FailOn::kTruncated)), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(decoder_->probe(twelve_bits)), ErrorCode::kUnsupported);
  frame[4] = 8;
  frame[1] = 0xC3;  // lossless
  EXPECT_EQ(code_of(decode(twelve_bits, FailOn::kTruncated)), ErrorCode::kUnsupported);
  EXPECT_EQ(code_of(decoder_->probe(twelve_bits)), ErrorCode::kUnsupported);
}

TEST_F(JpegFaultsTest, probe_reports_what_decoding_costs) {
  const auto header = decoder_->probe(encode_jpeg({.progressive = true, .restart_interval = 7}));
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->format, "jpeg");
  EXPECT_TRUE(header->progressive);
  EXPECT_EQ(header->restart_interval, 7);
  EXPECT_EQ(header->chroma_horizontal, 2);
  EXPECT_EQ(header->chroma_vertical, 2);
  EXPECT_GT(header->compressed_bytes, 1000);
  EXPECT_TRUE(decoder_->probe(encode_jpeg({.color = "gray"}))->is_gray());
}

}  // namespace
}  // namespace smol::testing
