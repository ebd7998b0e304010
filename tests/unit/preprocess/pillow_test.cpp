// Every operator chain against Pillow, bit for bit, on every SIMD target, fused and as single steps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "pillow_oracle.h"

namespace smol::test {
namespace {

std::vector<OracleCase> make_cases() {
  std::vector<OracleCase> cases;
  unsigned seed = 1;
  const auto add = [&](Size size, int channels, int orientation, const std::string& operators) {
    cases.push_back(
        {size, channels, static_cast<Orientation>(orientation), operators, random_pixels(size, channels, ++seed), {}, {}});
  };
  for (const std::string filter : {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}) {
    for (const Size size : {Size{61, 47}, Size{500, 375}, Size{33, 200}, Size{1, 1}, Size{7, 1}, Size{1, 9}, Size{640, 3}}) {
      for (const std::string target : {"24x24", "17x90", "101x37", "1x1", "61x47", "200x33"}) {
        add(size, 3, 1, "resize(size=" + target + ", filter=" + filter + ")");
        add(size, 1, 1, "resize(size=" + target + ", filter=" + filter + ")");
      }
      for (int orientation = 1; orientation <= 8; ++orientation) {
        add(size, 3, orientation, "orient() | resize(size=37x53, filter=" + filter + ") | center_crop(31x31)");
      }
    }
  }
  for (const Size size : {Size{500, 375}, Size{375, 500}, Size{214, 161}, Size{256, 256}, Size{331, 257}, Size{90, 700}}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      for (const int channels : {1, 3}) {
        add(size, channels, orientation, "orient() | resize(short_side=256, filter=bilinear) | center_crop(224x224)");
        add(size, channels, orientation,
            "orient() | resize(fit=96x64, filter=bicubic) | pad(96x64, value=[114,20,7], centered=true)");
      }
    }
    add(size, 3, 1, "resize(long_side=80, filter=box) | pad(97x83, value=[1,2,3], centered=false)");
    add(size, 3, 6, "orient() | crop(x=5, y=9, size=60x70) | resize(size=31x33, filter=lanczos)");
    add(size, 3, 1, "crop(x=20, y=3, size=40x70)");
    add(size, 3, 3, "orient() | center_crop(129x300)");
    add(size, 3, 7, "orient() | center_crop(800x800)");
    add(size, 3, 1, "color(gray) | resize(size=50x60, filter=bilinear)");
    add(size, 3, 8, "orient() | color(gray) | resize(size=50x60, filter=bicubic)");
    add(size, 3, 1, "resize(size=50x60, filter=bilinear) | color(gray)");
    add(size, 3, 1,
        "resize(short_side=64, filter=bilinear) | center_crop(80x50) | pad(90x90, value=[9,8,7], centered=true) | crop(x=2, "
        "y=3, size=70x80)");
  }
  std::mt19937 generator(2);
  const auto up_to = [&](unsigned limit) { return static_cast<int>(generator() % limit) + 1; };
  const std::vector<std::string> filters{"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
  for (int i = 0; i < 400; ++i) {
    const unsigned limit = i % 4 == 0 ? 1500 : 150;
    add({up_to(limit), up_to(limit)}, i % 3 == 0 ? 1 : 3, up_to(8),
        "orient() | resize(size=" + std::to_string(up_to(150)) + "x" + std::to_string(up_to(150)) +
            ", filter=" + filters[generator() % filters.size()] + ") | center_crop(" + std::to_string(up_to(160)) + "x" +
            std::to_string(up_to(160)) + ")");
  }
  return cases;
}

ImageView view_of(const OracleCase& c, PixelFormat format, Image& image) {
  image.reshape(format, c.size.width, c.size.height);
  const int step = bytes_per_pixel(format);
  for (int y = 0; y < c.size.height; ++y) {
    for (int x = 0; x < c.size.width; ++x) {
      const std::uint8_t* in = &c.pixels[(static_cast<std::size_t>(y) * c.size.width + x) * c.channels];
      std::uint8_t* out = image.view().row(y) + x * step;
      for (int channel = 0; channel < step; ++channel) {
        const int from = format == PixelFormat::kBgr8 ? 2 - channel : channel;
        out[channel] = channel == 3 ? 77 : in[std::min(from, c.channels - 1)];
      }
    }
  }
  return image.view();
}

/// Runs a case as one fused step or as single steps; gray pictures end as gray tensors.
std::string run_case(const OracleCase& c, PixelFormat format, bool fused) {
  PhysicalPipeline pipeline;
  std::vector<Operator> operators = parse_operators(c.operators);
  if (c.channels == 1) operators.emplace_back(ColorOp{ColorOrder::kGray});
  if (fused) {
    pipeline.host_steps.emplace_back(FusedStep{operators, 22});
  } else {
    for (const Operator& op : operators) pipeline.host_steps.emplace_back(SingleStep{op});
  }
  auto preprocessor = create_preprocessor(pipeline);
  if (!preprocessor) return preprocessor.error().to_string();
  Image image;
  const ImageView view = view_of(c, format, image);
  Tensor tensor((*preprocessor)->output());
  const Status status = (*preprocessor)->run(view, c.orientation, {}, tensor.slot);
  return status ? difference(tensor.bytes, c.expected) : status.error().to_string();
}

class PillowTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    cases_ = make_cases();
    ASSERT_TRUE(run_oracle(cases_));
  }
  void TearDown() override { ASSERT_TRUE(set_simd_target("")); }

  static std::vector<OracleCase> cases_;
};
std::vector<OracleCase> PillowTest::cases_;

TEST_F(PillowTest, FusedStepIsBitIdenticalOnEverySimdTarget) {
  for (const std::string& target : simd_targets()) {
    ASSERT_TRUE(set_simd_target(target));
    for (const OracleCase& c : cases_) {
      const PixelFormat format = c.channels == 1 ? PixelFormat::kGray8 : PixelFormat::kRgbx8;
      EXPECT_EQ(run_case(c, format, true), "") << target << " " << c.size.width << "x" << c.size.height << "x" << c.channels
                                               << " orientation " << static_cast<int>(c.orientation) << " " << c.operators;
    }
  }
}

TEST_F(PillowTest, SingleStepsAreBitIdentical) {
  for (const OracleCase& c : cases_) {
    EXPECT_EQ(run_case(c, c.channels == 1 ? PixelFormat::kGray8 : PixelFormat::kRgb8, false), "")
        << c.size.width << "x" << c.size.height << "x" << c.channels << " orientation " << static_cast<int>(c.orientation)
        << " " << c.operators;
  }
}

TEST_F(PillowTest, EveryInterleavedSourceFormatGivesTheSame) {
  for (std::size_t i = 0; i < cases_.size(); i += 7) {
    const OracleCase& c = cases_[i];
    for (const PixelFormat format : {PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kRgbx8}) {
      if (c.channels == 1) continue;
      EXPECT_EQ(run_case(c, format, true), "") << name_of(format) << " " << c.operators;
    }
  }
}

}  // namespace
}  // namespace smol::test
