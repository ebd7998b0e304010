// What is written into the slot: every dtype, layout and colour on every SIMD target; 14-bit coefficients; antialias off.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "pillow_oracle.h"

namespace smol::test {
namespace {

constexpr std::array<float, 3> kMean{123.675F, 116.28F, 103.53F}, kScale{58.395F, 57.12F, 57.375F};

struct Picture {
  Picture(Size size, unsigned seed) : pixels(random_pixels(size, 3, seed)) {
    view.format = PixelFormat::kRgb8;
    view.width = size.width;
    view.height = size.height;
    view.planes[0] = {pixels.data(), std::ptrdiff_t{size.width} * 3, size.width, size.height};
  }
  std::vector<std::uint8_t> pixels;
  ImageView view;
};

std::vector<std::uint8_t> run(const std::vector<Operator>& operators, const Picture& picture, int bits = 22) {
  PhysicalPipeline pipeline;
  pipeline.host_steps.emplace_back(FusedStep{operators, bits});
  pipeline.label = bits == 22 ? FidelityLabel::kExact : FidelityLabel::kWithin1Lsb;
  const auto preprocessor = create_preprocessor(pipeline).value();
  Tensor tensor(preprocessor->output());
  preprocessor->run(picture.view, Orientation::kNormal, {}, tensor.slot).value();
  return tensor.bytes;
}

/// The definition, in the plainest form: from the interleaved RGB picture to the tensor.
template <typename Sample>
std::vector<Sample> reference(const std::vector<std::uint8_t>& rgb, Size size, Layout layout, ColorOrder color,
                              bool normalizes) {
  const int channels = color == ColorOrder::kGray ? 1 : 3;
  std::vector<Sample> tensor(static_cast<std::size_t>(size.width) * size.height * channels);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const std::uint8_t* pixel = &rgb[(static_cast<std::size_t>(y) * size.width + x) * 3];
      for (int c = 0; c < channels; ++c) {
        const int source = color == ColorOrder::kBGR ? 2 - c : c;
        float value = pixel[source];
        if (channels == 1) value = static_cast<float>((19595 * pixel[0] + 38470 * pixel[1] + 7471 * pixel[2] + 32768) >> 16);
        if (normalizes) {
          const float difference = value - kMean[source];
          value = difference * (1.0F / kScale[source]);
        }
        const std::size_t index = layout == Layout::kNHWC ? (static_cast<std::size_t>(y) * size.width + x) * channels + c
                                                          : (static_cast<std::size_t>(c) * size.height + y) * size.width + x;
        tensor[index] = static_cast<Sample>(value);
      }
    }
  }
  return tensor;
}

const std::vector<std::string> kTargets{"AVX3_VNNI", "AVX3", "AVX2", "SSE4", "scalar"};

class TensorTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const std::vector<std::string> here = simd_targets();
    if (std::find(here.begin(), here.end(), GetParam()) == here.end()) GTEST_SKIP() << "this machine lacks " << GetParam();
    ASSERT_TRUE(set_simd_target(GetParam()));
  }
  void TearDown() override { ASSERT_TRUE(set_simd_target("")); }
};

TEST_P(TensorTest, EveryDTypeLayoutAndColor) {
  for (const Size size : {Size{224, 224}, Size{31, 7}, Size{65, 3}, Size{16, 2}, Size{1, 1}}) {
    const Picture picture({93, 57}, 11);
    const Operator resize = ResizeOp{ResizeOp::Mode::kExact, size.width, size.height};
    const PadOp pad{size.width + 5, size.height + 3, {200, 100, 7}, true};
    const Size padded{pad.width, pad.height};
    const std::vector<std::uint8_t> rgb = run({resize, pad}, picture);
    for (const Layout layout : {Layout::kNHWC, Layout::kNCHW}) {
      for (const ColorOrder color : {ColorOrder::kRGB, ColorOrder::kBGR, ColorOrder::kGray}) {
        const std::vector<Operator> bytes{resize, pad, ColorOp{color}, LayoutOp{layout}};
        EXPECT_EQ(run(bytes, picture), reference<std::uint8_t>(rgb, padded, layout, color, false))
            << name_of(layout) << name_of(color) << size.width;
        std::vector<Operator> floats = bytes;
        floats.emplace_back(ConvertOp{});
        floats.emplace_back(NormalizeOp{kMean, kScale});
        const std::vector<std::uint8_t> got = run(floats, picture);
        const std::vector<float> expected = reference<float>(rgb, padded, layout, color, true);
        ASSERT_EQ(got.size(), expected.size() * sizeof(float));
        EXPECT_EQ(std::memcmp(got.data(), expected.data(), got.size()), 0)
            << name_of(layout) << name_of(color) << size.width;
      }
    }
  }
}

TEST_P(TensorTest, FourteenBitsAreWithinOne) {
  unsigned seed = 100;
  for (const Filter filter : {Filter::kBox, Filter::kBilinear, Filter::kHamming, Filter::kBicubic, Filter::kLanczos}) {
    for (const Size size : {Size{500, 375}, Size{2000, 33}, Size{64, 47}}) {
      const Picture picture(size, ++seed);
      const std::vector<Operator> operators{ResizeOp{ResizeOp::Mode::kExact, 101, 37, filter}};
      const auto exact = run(operators, picture), coarse = run(operators, picture, 14);
      int worst = 0;
      for (std::size_t i = 0; i < exact.size(); ++i) worst = std::max(worst, std::abs(exact[i] - coarse[i]));
      EXPECT_LE(worst, 1) << name_of(filter) << " " << size.width << "x" << size.height;
    }
  }
}

TEST_P(TensorTest, WithoutAntialiasShrinkingInterpolatesBetweenNeighbours) {
  const Picture picture({97, 61}, 3);
  const Size size{31, 17};
  const auto got = run({ResizeOp{ResizeOp::Mode::kExact, size.width, size.height, Filter::kBilinear, false}}, picture);
  const auto position = [](int out, int in_size, int out_size) {
    return (out + 0.5) * in_size / out_size - 0.5;  // OpenCV's and ONNX's half-pixel convention
  };
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double sx = position(x, 97, size.width), sy = position(y, 61, size.height);
      const int x0 = static_cast<int>(sx), y0 = static_cast<int>(sy);
      const auto at = [&](int px, int py, int c) { return static_cast<double>(picture.pixels[(py * 97 + px) * 3 + c]); };
      for (int c = 0; c < 3; ++c) {
        const double top = at(x0, y0, c) + (at(x0 + 1, y0, c) - at(x0, y0, c)) * (sx - x0);
        const double bottom = at(x0, y0 + 1, c) + (at(x0 + 1, y0 + 1, c) - at(x0, y0 + 1, c)) * (sx - x0);
        EXPECT_NEAR(got[(y * size.width + x) * 3 + c], top + (bottom - top) * (sy - y0), 1.01);
      }
    }
  }
}

/// Those that this machine lacks are skipped, so that the list of tests names them.
INSTANTIATE_TEST_SUITE_P(SimdTargets, TensorTest, testing::ValuesIn(kTargets),
                         [](const auto& target) { return target.param; });

TEST(SimdTargetTest, EveryTargetIsTested) { EXPECT_THAT(kTargets, testing::IsSupersetOf(simd_targets())); }

TEST(SimdTargetTest, UnknownTargetsAreRefused) {
  const Status status = set_simd_target("MMX");
  ASSERT_FALSE(status);
  EXPECT_NE(status.error().message.find("scalar"), std::string::npos);
  EXPECT_EQ(simd_targets().back(), "scalar");
}

}  // namespace
}  // namespace smol::test
