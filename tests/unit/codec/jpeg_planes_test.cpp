/// Planes before upsampling and colour conversion, against libjpeg's own YCbCr output.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>

#include <jpeglib.h>

#include "unit/codec/jpeg_fixture.h"

namespace smol::testing {
namespace {

class JpegPlanesTest : public ::testing::TestWithParam<std::tuple<std::pair<int, int>, bool, int>> {};

TEST_P(JpegPlanesTest, hold_the_stored_samples) {
  const auto& [sampling, progressive, denominator] = GetParam();
  const auto bytes = encode_jpeg(
      {.width = 83, .height = 75, .horizontal = sampling.first, .vertical = sampling.second, .progressive = progressive});
  // Replicated chroma, so that every stored sample can be found again.
  const auto reference = decode_by_libjpeg(bytes, denominator, LibjpegOutput::kYccReplicated);
  const auto decoder = built_in_codecs().find("jpeg")->create_decoder();
  DecodeRequest request;
  request.format = PixelFormat::kYcc8Planar;
  request.scale_denominator = denominator;
  std::array<Size, 3> steps;
  for (const std::optional<Rect> region :
       {std::optional<Rect>(), std::optional<Rect>(Rect{5, reference.size.height / 2, 3, 2}),
        std::optional<Rect>(Rect{reference.size.width - 1, 0, 1, reference.size.height})}) {
    request.region = region;
    Collector collector;
    ASSERT_TRUE(decoder->decode(bytes, request, collector).ok());
    const Collected& planes = collector.finish();
    if (region) {
      EXPECT_LE(planes.delivered.y, region->y);
      EXPECT_GE(planes.delivered.y + planes.delivered.height, region->y + region->height);
      EXPECT_LE(planes.delivered.x, region->x);
      EXPECT_GE(planes.delivered.x + planes.delivered.width, region->x + region->width);
      // Columns beside the region's MCUs are left out.
      const int mcu_width = 8 * sampling.first / denominator;
      EXPECT_LE(planes.delivered.width, region->width + 2 * (mcu_width - 1));
    }
    const std::uint8_t* plane = planes.pixels.data();
    for (int i = 0; i < 3; ++i) {
      const Size size = planes.plane_sizes[i], luma = planes.plane_sizes[0];
      // The whole picture, which comes first, tells the sampling.
      if (!region) steps[i] = {(luma.width + size.width - 1) / size.width, (luma.height + size.height - 1) / size.height};
      const auto [step_x, step_y] = steps[i];
      for (int y = 0; y < luma.height; ++y) {
        for (int x = 0; x < luma.width; ++x) {
          const std::size_t at =
              (static_cast<std::size_t>(planes.delivered.y + y) * reference.size.width + planes.delivered.x + x) * 3 + i;
          ASSERT_EQ(plane[y / step_y * size.width + x / step_x], reference.pixels[at])
              << "plane " << i << " at " << x << "," << y;
        }
      }
      plane += static_cast<std::size_t>(size.width) * size.height;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(all, JpegPlanesTest,
                         ::testing::Combine(::testing::Values(std::pair{1, 1}, std::pair{2, 1}, std::pair{2, 2},
                                                              std::pair{1, 2}, std::pair{4, 1}),
                                            ::testing::Bool(), ::testing::Values(1, 2, 4, 8)));

TEST(JpegPlanesOfOtherColorsTest, are_converted) {
  const auto decoder = built_in_codecs().find("jpeg")->create_decoder();
  for (const char* color : {"gray", "rgb", "cmyk", "ycck"}) {
    SCOPED_TRACE(color);
    const auto bytes = encode_jpeg({.width = 40, .height = 40, .color = color});
    DecodeRequest request;
    request.region = Rect{3, 7, 20, 11};
    request.format = PixelFormat::kRgb8;
    Collector rgb_collector, planar_collector;
    ASSERT_TRUE(decoder->decode(bytes, request, rgb_collector).ok());
    request.format = PixelFormat::kYcc8Planar;
    ASSERT_TRUE(decoder->decode(bytes, request, planar_collector).ok());
    const Collected &rgb = rgb_collector.finish(), &planar = planar_collector.finish();
    ASSERT_EQ(planar.delivered, rgb.delivered);
    const std::size_t num_pixels = rgb.pixels.size() / 3;
    for (std::size_t i = 0; i < num_pixels; ++i) {
      const double r = rgb.pixels[3 * i], g = rgb.pixels[3 * i + 1], b = rgb.pixels[3 * i + 2];
      ASSERT_NEAR(planar.pixels[i], 0.299 * r + 0.587 * g + 0.114 * b, 0.51);
      ASSERT_NEAR(planar.pixels[num_pixels + i], 128 - 0.168736 * r - 0.331264 * g + 0.5 * b, 0.51);
      ASSERT_NEAR(planar.pixels[2 * num_pixels + i], 128 + 0.5 * r - 0.418688 * g - 0.081312 * b, 0.51);
    }
  }
}

}  // namespace
}  // namespace smol::testing
