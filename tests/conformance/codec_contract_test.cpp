/// What every registered codec owes its callers, whatever the format: declared capabilities work, broken bytes give coded
/// errors, and a decoder survives all of it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "unit/codec/codec_seeds.h"
#include "unit/codec/jpeg_fixture.h"
#include "unit/codec/png_fixture.h"
#include "unit/codec/still_fixture.h"

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::AnyOf;
using ::testing::HasSubstr;

const CodecRegistry& registry() {
  static const CodecRegistry codecs = built_in_codecs();
  return codecs;
}

std::vector<std::string> codec_names() {
  std::vector<std::string> names;
  for (const auto& codec : registry().codecs()) names.emplace_back(codec->name());
  return names;
}

class CodecContractTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    codec_ = registry().find(GetParam());
    decoder_ = codec_->create_decoder();
    seeds_ = seeds_of(GetParam());
    ASSERT_FALSE(seeds_.empty()) << "add seeds to codec_seeds.cpp";
  }

  /// kRgb8, the whole picture; fails the test on an error.
  Collected decode_intact(Decoder& decoder, const Bytes& bytes) {
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    request.fail_on = FailOn::kWarning;
    Collector collector;
    const auto report = decoder.decode(bytes, request, collector);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return collector.finish();
  }

  /// Errors about data, with a stage and a text; memory or bugs are none.
  static void expect_data_error(const Error& error) {
    EXPECT_THAT(error.code,
                AnyOf(ErrorCode::kCorrupt, ErrorCode::kTruncated, ErrorCode::kUnsupported, ErrorCode::kLimitExceeded))
        << error.to_string();
    EXPECT_EQ(error.stage, Stage::kDecode);
    EXPECT_FALSE(error.message.empty());
  }

  /// Either an error, or exactly the pixels of the intact picture.
  void expect_error_or_same(const Bytes& cut, const Collected& intact) {
    const auto header = decoder_->probe(cut);
    if (!header) expect_data_error(header.error());
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    Collector strict, lenient;
    const auto report = decoder_->decode(cut, request, strict);
    if (report) {
      ASSERT_EQ(strict.finish().pixels, intact.pixels) << "cut to " << cut.size();
    } else {
      expect_data_error(report.error());
    }
    request.fail_on = FailOn::kNone;
    const auto partial = decoder_->decode(cut, request, lenient);
    if (partial) {
      ASSERT_EQ(lenient.finish().pixels.size(), intact.pixels.size());
      EXPECT_TRUE(report.ok() || partial->truncated || partial->recovered);
    }
  }

  const Codec* codec_ = nullptr;
  std::unique_ptr<Decoder> decoder_;
  std::vector<Seed> seeds_;
};

TEST_P(CodecContractTest, declared_capabilities_work) {
  const CodecCapabilities& can = codec_->capabilities();
  ASSERT_FALSE(can.formats.empty());
  ASSERT_EQ(can.scale_denominators.front(), 1);
  EXPECT_TRUE(std::is_sorted(can.scale_denominators.begin(), can.scale_denominators.end()));
  EXPECT_EQ(can.planar, std::count(can.formats.begin(), can.formats.end(), PixelFormat::kYcc8Planar) == 1);
  for (const Seed& seed : seeds_) {
    SCOPED_TRACE(seed.name);
    const auto header = decoder_->probe(seed.bytes);
    ASSERT_TRUE(header.ok());
    EXPECT_EQ(header->format, codec_->name());
    for (const PixelFormat format : can.formats) {
      for (const int denominator : can.scale_denominators) {
        if (format == PixelFormat::kGray8 && !header->is_gray()) continue;
        if (denominator > std::max(header->max_scale_denominator, 1)) continue;
        DecodeRequest request;
        request.format = format;
        request.scale_denominator = denominator;
        request.region = Rect{1, 2, 3, 2};
        Collector collector;
        const auto report = decoder_->decode(seed.bytes, request, collector);
        ASSERT_TRUE(report.ok()) << report.error().to_string();
        const Collected& got = collector.finish();
        EXPECT_EQ(got.format, format);
        EXPECT_EQ(got.scaled_size.width, (header->width + denominator - 1) / denominator);
        EXPECT_EQ(got.scaled_size.height, (header->height + denominator - 1) / denominator);
        EXPECT_LE(got.delivered.x, 1);
        EXPECT_LE(got.delivered.y, 2);
        EXPECT_GE(got.delivered.x + got.delivered.width, 4);
        EXPECT_GE(got.delivered.y + got.delivered.height, 4);
      }
    }
  }
}

TEST_P(CodecContractTest, thumbnails_are_decoded_as_pictures_are) {
  const CodecCapabilities& can = codec_->capabilities();
  int num_thumbnails = 0;
  for (const Seed& seed : seeds_) {
    SCOPED_TRACE(seed.name);
    const auto header = decoder_->probe(seed.bytes);
    ASSERT_TRUE(header.ok());
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    request.thumbnail = true;
    Collector whole, part;
    const auto report = decoder_->decode(seed.bytes, request, whole);
    if (header->thumbnail.width == 0) {
      EXPECT_EQ(code_of(report), ErrorCode::kUnsupported);
      continue;
    }
    ++num_thumbnails;
    ASSERT_TRUE(report.ok()) << report.error().to_string();
    const Collected& got = whole.finish();
    EXPECT_EQ(got.scaled_size, (Size{header->thumbnail.width, header->thumbnail.height}));
    EXPECT_LT(got.scaled_size.width, header->width);
    EXPECT_LT(got.scaled_size.height, header->height);
    EXPECT_GT(header->thumbnail.compressed_bytes, 0);
    request.region = Rect{1, 2, 3, 2};
    ASSERT_TRUE(decoder_->decode(seed.bytes, request, part).ok());
    const Collected& cut = part.finish();
    EXPECT_EQ(crop(cut, *request.region), crop(got, *request.region));
  }
  EXPECT_EQ(can.embedded_thumbnails, num_thumbnails > 0);
}

TEST_P(CodecContractTest, undeclared_requests_are_refused) {
  const CodecCapabilities& can = codec_->capabilities();
  const Bytes& bytes = seeds_.front().bytes;
  Collector collector;
  for (const int denominator : {-1, 0, 3, 64}) {
    DecodeRequest request;
    request.scale_denominator = denominator;
    EXPECT_EQ(code_of(decoder_->decode(bytes, request, collector)), ErrorCode::kInvalidArgument);
  }
  for (const Rect region : {Rect{1000, 0, 5, 5}, Rect{0, 1000, 5, 5}, Rect{0, 0, 0, 5}, Rect{-9, 0, 5, 5}}) {
    DecodeRequest request;
    request.region = region;
    EXPECT_EQ(code_of(decoder_->decode(bytes, request, collector)), ErrorCode::kInvalidArgument);
  }
  if (!can.planar) {
    DecodeRequest request;
    request.format = PixelFormat::kYcc8Planar;
    EXPECT_EQ(code_of(decoder_->decode(bytes, request, collector)), ErrorCode::kUnsupported);
  }
  static_cast<void>(decode_intact(*decoder_, bytes));
}

TEST_P(CodecContractTest, consumers_can_stop_and_fail) {
  class Refusing final : public RowConsumer {
   public:
    Status begin(const Rect&, Size, PixelFormat) override { return Error{ErrorCode::kIo, "the disk is full"}; }
    bool rows(int, const ImageView&) override { return true; }
  } refusing;
  const Bytes& bytes = seeds_.front().bytes;
  EXPECT_EQ(decoder_->decode(bytes, {}, refusing).error().message, "the disk is full");

  Collector first_group(1);
  const auto report = decoder_->decode(bytes, {}, first_group);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(first_group.finish().groups, 1);
  static_cast<void>(decode_intact(*decoder_, bytes));
}

TEST_P(CodecContractTest, stops_on_request) {
  class StopAtFirstRows final : public RowConsumer {
   public:
    Status begin(const Rect&, Size, PixelFormat) override { return {}; }
    bool rows(int, const ImageView&) override {
      ++groups;
      source.request_stop();
      return true;
    }
    std::stop_source source;
    int groups = 0;
  };
  for (const Seed& seed : seeds_) {
    StopAtFirstRows consumer;
    DecodeRequest request;
    request.stop = consumer.source.get_token();
    EXPECT_EQ(code_of(decoder_->decode(seed.bytes, request, consumer)), ErrorCode::kCancelled) << seed.name;
    EXPECT_EQ(consumer.groups, 1);
    EXPECT_EQ(code_of(decoder_->decode(seed.bytes, request, consumer)), ErrorCode::kCancelled);
    EXPECT_EQ(consumer.groups, 1);
  }
}

TEST_P(CodecContractTest, every_truncation_is_an_error_or_costs_no_pixel) {
  for (const Seed& seed : seeds_) {
    SCOPED_TRACE(seed.name);
    const Collected intact = decode_intact(*decoder_, seed.bytes);
    ASSERT_LE(seed.bytes.size(), 6000u);
    for (std::size_t size = 0; size < seed.bytes.size(); ++size) {
      // A copy of its own size: AddressSanitizer sees every byte too many.
      expect_error_or_same(Bytes(seed.bytes.begin(), seed.bytes.begin() + static_cast<std::ptrdiff_t>(size)), intact);
      if (HasFatalFailure()) return;
    }
    EXPECT_EQ(decode_intact(*decoder_, seed.bytes).pixels, intact.pixels) << "the decoder has changed";
  }
}

TEST_P(CodecContractTest, sampled_truncations_of_larger_pictures) {
  std::vector<Bytes> pictures;
  if (GetParam() == "jpeg") {
    pictures = {encode_jpeg({.width = 300, .height = 200}), encode_jpeg({.width = 300, .height = 200, .progressive = true})};
  } else if (GetParam() == "png") {
    pictures = {encode_png({.width = 200, .height = 100}), encode_png({.width = 200, .height = 100, .interlaced = true})};
  } else if (GetParam() == "webp") {
    pictures = {encode_webp({.width = 200, .height = 100}), encode_webp({.width = 200, .height = 100, .lossless = true})};
  } else if (GetParam() == "gif") {
    pictures = {encode_gif({.width = 200, .height = 100}), encode_gif({.width = 200, .height = 100, .interlaced = true})};
  } else if (GetParam() == "tiff") {
    pictures = {encode_tiff({.width = 200, .height = 100, .compression = 5}),
                encode_tiff({.width = 200, .height = 100, .photometric = 6, .compression = 7, .tiled = true})};
  }
  std::mt19937 random(11);
  for (const Bytes& bytes : pictures) {
    const Collected intact = decode_intact(*decoder_, bytes);
    for (int sample = 0; sample < 250; ++sample) {
      const auto size = static_cast<std::ptrdiff_t>(random() % bytes.size());
      expect_error_or_same(Bytes(bytes.begin(), bytes.begin() + size), intact);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(CodecContractTest, empty_and_foreign_bytes_are_errors) {
  Collector collector;
  EXPECT_EQ(registry().sniff({}), nullptr);
  EXPECT_EQ(code_of(decoder_->probe({})), ErrorCode::kTruncated);
  EXPECT_EQ(code_of(decoder_->decode({}, {}, collector)), ErrorCode::kTruncated);
  for (const Seed& seed : seeds_) {
    Bytes wrong = seed.bytes;
    wrong[0] ^= 0x55;
    EXPECT_NE(registry().sniff(wrong), codec_);
    const auto header = decoder_->probe(wrong);
    const auto report = decoder_->decode(wrong, {}, collector);
    ASSERT_FALSE(header.ok() || report.ok());
    expect_data_error(header.error());
    expect_data_error(report.error());
  }
}

TEST_P(CodecContractTest, random_bytes_are_errors) {
  std::mt19937 random(3);
  Collector collector;
  for (int trial = 0; trial < 2000; ++trial) {
    Bytes bytes(random() % 600);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    // Half of them begin rightly.
    const auto& seed = seeds_[random() % seeds_.size()].bytes;
    if (trial % 2 == 0) std::copy_n(seed.begin(), std::min<std::size_t>({bytes.size(), seed.size(), 40}), bytes.begin());
    const auto report = decoder_->decode(bytes, {}, collector);
    if (!report) expect_data_error(report.error());
  }
}

TEST_P(CodecContractTest, decompression_bombs_are_refused_with_the_remedy) {
  const Bytes bytes = huge_header_of(GetParam());
  const auto header = decoder_->probe(bytes);
  ASSERT_TRUE(header.ok()) << header.error().to_string();
  EXPECT_EQ(header->width, 60000);
  EXPECT_EQ(header->height, 60000);
  Collector collector;
  for (const FailOn level : {FailOn::kNone, FailOn::kTruncated}) {
    DecodeRequest request;
    request.fail_on = level;
    const auto report = decoder_->decode(bytes, request, collector);
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, ErrorCode::kLimitExceeded);
    EXPECT_THAT(report.error().message, ::testing::AllOf(HasSubstr("--max-pixels"), HasSubstr("60000x60000")));
  }
}

INSTANTIATE_TEST_SUITE_P(all, CodecContractTest, ::testing::ValuesIn(codec_names()),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace smol::testing
