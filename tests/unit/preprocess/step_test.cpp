// Orders that cannot be fused: float pictures, planar layouts, user operators, compositions.
#include <gtest/gtest.h>

#include <cstring>

#include "pillow_oracle.h"

namespace smol::test {
namespace {

/// Swaps red and blue and drops the last column.
class Custom : public UserOperator {
 public:
  [[nodiscard]] std::string_view name() const override { return "custom"; }
  [[nodiscard]] Result<Size> output_size(Size input) const override { return Size{input.width - 1, input.height}; }
  Status apply(const ImageView& in, ImageView& out) const override {
    for (int y = 0; y < out.height; ++y) {
      for (int x = 0; x < out.width; ++x) {
        for (int c = 0; c < 3; ++c) out.row(y)[3 * x + c] = in.row(y)[3 * x + 2 - c];
      }
    }
    return {};
  }
};

ImageView view_of(std::vector<std::uint8_t>& pixels, Size size, int channels) {
  ImageView view;
  view.format = channels == 1 ? PixelFormat::kGray8 : PixelFormat::kRgb8;
  view.width = size.width;
  view.height = size.height;
  view.planes[0] = {pixels.data(), std::ptrdiff_t{size.width} * channels, size.width, size.height};
  return view;
}

PhysicalPipeline single_steps(const std::vector<Operator>& operators) {
  PhysicalPipeline pipeline;
  for (const Operator& op : operators) pipeline.host_steps.emplace_back(SingleStep{op});
  return pipeline;
}

std::vector<std::uint8_t> run(const PhysicalPipeline& pipeline, OracleCase& c) {
  const auto preprocessor = create_preprocessor(pipeline).value();
  Tensor tensor(preprocessor->output());
  preprocessor->run(view_of(c.pixels, c.size, c.channels), c.orientation, {}, tensor.slot).value();
  return tensor.bytes;
}

/// NHWC samples moved to NCHW.
std::vector<std::uint8_t> planar(const std::vector<std::uint8_t>& interleaved, std::size_t pixels,
                                 std::size_t sample_bytes) {
  std::vector<std::uint8_t> result(interleaved.size());
  for (std::size_t i = 0; i < pixels; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      std::memcpy(&result[(c * pixels + i) * sample_bytes], &interleaved[(i * 3 + c) * sample_bytes], sample_bytes);
    }
  }
  return result;
}

TEST(StepTest, GeometryOfFloatsIsPillowsModeF) {
  std::vector<OracleCase> cases;
  for (const std::string filter : {"nearest", "box", "bilinear", "bicubic", "lanczos"}) {
    for (const Size size : {Size{61, 47}, Size{33, 200}, Size{20, 15}}) {
      for (const int orientation : {1, 3, 6}) {
        cases.push_back(
            {size,
             3,
             static_cast<Orientation>(orientation),
             "orient() | convert(f32) | normalize(mean=[10,20,30], scale=[2,0.5,3]) | resize(size=24x31, filter=" + filter +
                 ") | crop(x=3, y=1, size=20x29)",
             random_pixels(size, 3, 9),
             {},
             {}});
      }
    }
  }
  ASSERT_TRUE(run_oracle(cases));
  for (OracleCase& c : cases) {
    std::vector<Operator> operators = parse_operators(c.operators);
    const auto got = run(single_steps(operators), c);
    ASSERT_EQ(got.size(), c.expected.size());
    EXPECT_EQ(std::memcmp(got.data(), c.expected.data(), got.size()), 0) << c.operators << c.size.width;
    operators.insert(operators.begin() + 1, LayoutOp{Layout::kNCHW});
    EXPECT_EQ(run(single_steps(operators), c), planar(c.expected, 20 * 29, sizeof(float))) << "planar " << c.operators;
  }
}

TEST(StepTest, PlanarAndReversedBytesGiveTheSamePixels) {
  std::vector<OracleCase> cases{
      {{93, 71},
       3,
       Orientation::kTransverse,
       "orient() | resize(fit=50x50, filter=bicubic) | pad(50x50, value=[200,100,7], centered=true)",
       random_pixels({93, 71}, 3, 4),
       {},
       {}}};
  ASSERT_TRUE(run_oracle(cases));
  std::vector<Operator> operators = parse_operators(cases[0].operators);
  operators.insert(operators.begin(), LayoutOp{Layout::kNCHW});
  EXPECT_EQ(run(single_steps(operators), cases[0]), planar(cases[0].expected, 50 * 50, 1));
  operators.front() = ColorOp{ColorOrder::kBGR};
  operators.emplace_back(ColorOp{ColorOrder::kRGB});
  EXPECT_EQ(difference(run(single_steps(operators), cases[0]), cases[0].expected), "");
  operators.insert(operators.begin() + 1, LayoutOp{Layout::kNCHW});
  EXPECT_EQ(run(single_steps(operators), cases[0]), planar(cases[0].expected, 50 * 50, 1));
}

TEST(StepTest, UserOperatorsRunBetweenFusedSteps) {
  std::vector<OracleCase> cases{{{93, 71},
                                 3,
                                 Orientation::kNormal,
                                 "resize(size=40x30, filter=bilinear) | crop(x=0, y=0, size=39x30)",
                                 random_pixels({93, 71}, 3, 4),
                                 {},
                                 {}}};
  ASSERT_TRUE(run_oracle(cases));
  PhysicalPipeline pipeline;
  pipeline.host_steps.emplace_back(FusedStep{{OrientOp{}, ResizeOp{ResizeOp::Mode::kExact, 40, 30}}, 22});
  pipeline.host_steps.emplace_back(SingleStep{UserOp{std::make_shared<const Custom>()}});
  pipeline.host_steps.emplace_back(FusedStep{{ColorOp{ColorOrder::kBGR}}, 22});
  EXPECT_EQ(difference(run(pipeline, cases[0]), cases[0].expected), "");
}

TEST(StepTest, GrayPicturesPassThroughColorSteps) {
  OracleCase c{{40, 30}, 1, Orientation::kNormal, "", random_pixels({40, 30}, 1, 4), {}, {}};
  PhysicalPipeline rgb = single_steps({ResizeOp{ResizeOp::Mode::kExact, 20, 10}, ConvertOp{}, LayoutOp{}});
  PhysicalPipeline fused;
  fused.host_steps.emplace_back(FusedStep{{ResizeOp{ResizeOp::Mode::kExact, 20, 10}, ConvertOp{}, LayoutOp{}}, 22});
  EXPECT_EQ(run(rgb, c), run(fused, c));
}

}  // namespace
}  // namespace smol::test
