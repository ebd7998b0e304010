/// A region of a picture must equal the crop of the whole picture, whatever the sampling, coding, scale and offset.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "unit/codec/jpeg_fixture.h"

namespace smol::testing {
namespace {

std::vector<JpegFixture> fixtures() {
  std::vector<JpegFixture> all;
  const std::pair<int, int> samplings[] = {{1, 1}, {2, 1}, {2, 2}, {1, 2}, {4, 1}, {4, 2}, {2, 4}, {1, 4}, {3, 1}, {3, 2}};
  for (const bool progressive : {false, true}) {
    for (const auto& [horizontal, vertical] : samplings) {
      JpegFixture fixture;
      fixture.horizontal = horizontal;
      fixture.vertical = vertical;
      fixture.progressive = progressive;
      all.push_back(fixture);
      fixture.width = 65;
      fixture.height = 129;
      all.push_back(fixture);
    }
    for (const char* color : {"gray", "rgb", "cmyk", "ycck"}) {
      JpegFixture fixture;
      fixture.color = color;
      fixture.progressive = progressive;
      all.push_back(fixture);
    }
  }
  all.push_back({.separate_scans = true});
  all.push_back({.restart_interval = 3});
  all.push_back({.arithmetic = true});
  return all;
}

class JpegRegionTest : public ::testing::TestWithParam<std::tuple<JpegFixture, int>> {
 protected:
  void SetUp() override {
    const auto registry = built_in_codecs();
    decoder_ = registry.find("jpeg")->create_decoder();
    bytes_ = encode_jpeg(std::get<0>(GetParam()));
  }
  Collected decode(DecodeRequest request) {
    request.scale_denominator = std::get<1>(GetParam());
    Collector collector;
    const auto report = decoder_->decode(bytes_, request, collector);
    EXPECT_TRUE(report.ok()) << report.error().to_string();
    return collector.finish();
  }
  std::unique_ptr<Decoder> decoder_;
  std::vector<std::uint8_t> bytes_;
};

TEST_P(JpegRegionTest, equals_crop_of_the_whole_picture) {
  const Collected whole = decode({});
  ASSERT_EQ(whole.delivered, (Rect{0, 0, whole.scaled_size.width, whole.scaled_size.height}));
  std::mt19937 random(7);
  const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(limit)); };
  for (int trial = 0; trial < 60; ++trial) {
    DecodeRequest request;
    Rect region;
    // The first trials walk over all offsets inside an iMCU, the rest are anywhere.
    region.x = trial < 33 ? std::min(trial, whole.scaled_size.width - 1) : below(whole.scaled_size.width);
    region.y = trial < 33 ? std::min(trial, whole.scaled_size.height - 1) : below(whole.scaled_size.height);
    region.width = 1 + below(whole.scaled_size.width - region.x);
    region.height = 1 + below(whole.scaled_size.height - region.y);
    request.region = region;
    const Collected part = decode(request);
    ASSERT_EQ(part.scaled_size, whole.scaled_size);
    ASSERT_EQ(part.delivered, region);
    ASSERT_TRUE(part.pixels == crop(whole, region))
        << region.x << "," << region.y << " " << region.width << "x" << region.height;
  }
}

/// Narrow crops have few chroma columns, which is where the library's upsampling has special cases.
TEST_P(JpegRegionTest, narrow_ones_too) {
  const Collected whole = decode({});
  for (int x = 0; x < whole.scaled_size.width; ++x) {
    for (int width = 1; width <= std::min(3, whole.scaled_size.width - x); ++width) {
      DecodeRequest request;
      request.region = Rect{x, whole.scaled_size.height / 3, width, std::min(5, whole.scaled_size.height / 2)};
      const Collected part = decode(request);
      ASSERT_EQ(part.delivered, *request.region);
      ASSERT_TRUE(part.pixels == crop(whole, *request.region)) << x << ", " << width;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(all, JpegRegionTest,
                         ::testing::Combine(::testing::ValuesIn(fixtures()), ::testing::Values(1, 2, 4, 8)),
                         [](const auto& test) {
                           return std::get<0>(test.param).name() + "_scale" + std::to_string(std::get<1>(test.param));
                         });

}  // namespace
}  // namespace smol::testing
