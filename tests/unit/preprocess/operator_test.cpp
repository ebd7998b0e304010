#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smol/preprocess.h"

namespace smol {
namespace {

using testing::HasSubstr;

class Invert : public UserOperator {
 public:
  [[nodiscard]] std::string_view name() const override { return "invert"; }
  [[nodiscard]] Result<Size> output_size(Size input) const override { return input; }
  Status apply(const ImageView&, ImageView&) const override { return {}; }
};

std::vector<Operator> all_operators(const std::shared_ptr<const UserOperator>& user) {
  return {OrientOp{},
          ResizeOp{ResizeOp::Mode::kShortSide, 256, 0, Filter::kBilinear, true},
          ResizeOp{ResizeOp::Mode::kLongSide, 300, 0, Filter::kLanczos, false},
          ResizeOp{ResizeOp::Mode::kExact, 224, 192, Filter::kNearest, true},
          ResizeOp{ResizeOp::Mode::kFit, 640, 480, Filter::kHamming, true},
          CropOp{{1, 2, 3, 4}},
          CenterCropOp{224, 200},
          PadOp{640, 641, {114, 0, 255}, false},
          ConvertOp{DType::kF32},
          NormalizeOp{{123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 1e-7F}},
          ColorOp{ColorOrder::kBGR},
          ColorOp{ColorOrder::kGray},
          LayoutOp{Layout::kNCHW},
          UserOp{user}};
}

TEST(OperatorTextTest, EveryOperatorParsesBack) {
  const auto user = std::make_shared<const Invert>();
  for (const Operator& op : all_operators(user)) {
    const auto parsed = parse_operator(to_string(op), {user});
    ASSERT_TRUE(parsed) << parsed.error().to_string();
    EXPECT_EQ(*parsed, op) << to_string(op);
  }
  EXPECT_EQ(to_string(Operator{ResizeOp{}}), "resize(short_side=256, filter=bilinear)");
}

TEST(OperatorTextTest, PhysicalPipelineParsesBack) {
  const auto user = std::make_shared<const Invert>();
  PhysicalPipeline pipeline;
  pipeline.decode = {4, true, true, PixelFormat::kYcc8Planar};
  pipeline.host_steps.emplace_back(FusedStep{all_operators(user), 14});
  pipeline.host_steps.emplace_back(SingleStep{UserOp{user}});
  pipeline.host_steps.emplace_back(FusedStep{{}, 22});
  pipeline.device_operators = {ConvertOp{}, NormalizeOp{}};
  pipeline.label = FidelityLabel::kLossy;
  const auto parsed = parse_physical_pipeline(to_string(pipeline), {user});
  ASSERT_TRUE(parsed) << parsed.error().to_string();
  EXPECT_EQ(*parsed, pipeline) << to_string(pipeline);
}

TEST(OperatorTextTest, MalformedTextSaysWhatIsAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"resize(short_side=256, filter=cubic)", "filter must be one of nearest"},
      {"resize(filter=bilinear)", "exactly one of short_side"},
      {"resize(size=224)", "WIDTHxHEIGHT"},
      {"resize(short_side=2x)", "whole number"},
      {"center_crop(224x224, color=red)", "unknown or repeated argument: color"},
      {"pad(10x10, value=[1,2])", "a number or [r,g,b]"},
      {"pad(10x10, value=[1,2,256])", "0..255"},
      {"convert(double)", "dtype must be one of"},
      {"color(CMYK)", "RGB, BGR, gray"},
      {"layout(NWHC)", "NHWC or NCHW"},
      {"sharpen()", "operator must be one of orient"},
      {"orient", "name(arguments)"},
      {"user(absent)", "loaded: none"},
  };
  for (const auto& [text, reason] : cases) {
    const auto parsed = parse_operator(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_THAT(parsed.error().message, HasSubstr(reason)) << text;
  }
  EXPECT_FALSE(parse_physical_pipeline("decode(scale=2)"));
  EXPECT_FALSE(parse_physical_pipeline("fused: orient()"));
  EXPECT_FALSE(parse_physical_pipeline("encode()"));
}

LogicalPipeline standard() {
  return {
      {OrientOp{}, ResizeOp{}, CenterCropOp{224, 224}, ConvertOp{}, NormalizeOp{}, ColorOp{ColorOrder::kBGR}, LayoutOp{}}};
}

TEST(VerifyTest, TellsWhatTheTensorWillBe) {
  const auto spec = verify(standard());
  ASSERT_TRUE(spec) << spec.error().to_string();
  EXPECT_EQ(spec->dtype, DType::kF32);
  EXPECT_EQ(spec->layout, Layout::kNCHW);
  EXPECT_EQ(spec->color, ColorOrder::kBGR);
  EXPECT_EQ(spec->width, 224);
}

TEST(VerifyTest, RejectsWhatCannotWork) {
  const std::vector<std::pair<std::vector<Operator>, std::string>> cases{
      {{OrientOp{}, ResizeOp{}}, "size depends on the picture"},
      {{ResizeOp{}, OrientOp{}, CenterCropOp{}}, "orient must stand before"},
      {{OrientOp{}, OrientOp{}, CenterCropOp{}}, "oriented once"},
      {{CenterCropOp{}, NormalizeOp{}}, "put convert(f32) before normalize"},
      {{CenterCropOp{}, ConvertOp{}, NormalizeOp{}, NormalizeOp{}}, "stands once"},
      {{CenterCropOp{}, ConvertOp{}, NormalizeOp{{0, 0, 0}, {1, 0, 1}}}, "scale not zero"},
      {{CenterCropOp{}, ConvertOp{}, ConvertOp{DType::kU8}}, "not converted back"},
      {{CenterCropOp{}, ConvertOp{DType::kF16}}, "u8 or f32"},
      {{CenterCropOp{}, ConvertOp{}, ColorOp{ColorOrder::kGray}}, "defined on u8"},
      {{CenterCropOp{}, ColorOp{ColorOrder::kGray}, ColorOp{}}, "no colours to bring back"},
      {{ResizeOp{ResizeOp::Mode::kExact, 0, 5}}, "sides must be in"},
      {{ResizeOp{ResizeOp::Mode::kExact, 50, 50}, CropOp{{40, 0, 20, 20}}}, "leaves the picture"},
      {{ResizeOp{ResizeOp::Mode::kExact, 50, 50}, PadOp{40, 60}}, "already larger"},
      {{CenterCropOp{}, ConvertOp{}, PadOp{300, 300}}, "before convert"},
      {{CenterCropOp{}, LayoutOp{}, UserOp{std::make_shared<const Invert>()}}, "u8 NHWC RGB"},
      {{CenterCropOp{}, UserOp{}}, "missing"},
  };
  for (const auto& [operators, reason] : cases) {
    const auto spec = verify(LogicalPipeline{operators});
    ASSERT_FALSE(spec) << reason;
    EXPECT_EQ(spec.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(spec.error().message, HasSubstr(reason));
  }
}

PhysicalPipeline physical(std::vector<Operator> fused) {
  PhysicalPipeline pipeline;
  pipeline.host_steps.emplace_back(FusedStep{std::move(fused), 22});
  return pipeline;
}

TEST(VerifyTest, PhysicalPipelines) {
  PhysicalPipeline good = physical({OrientOp{}, ResizeOp{}, CenterCropOp{}});
  good.device_operators = {ConvertOp{}, NormalizeOp{}, LayoutOp{}};
  const auto spec = verify(good);
  ASSERT_TRUE(spec) << spec.error().to_string();
  EXPECT_EQ(spec->dtype, DType::kU8);  // what the host writes

  PhysicalPipeline bad_device = good;
  bad_device.device_operators = {NormalizeOp{}};
  EXPECT_THAT(verify(bad_device).error().message, HasSubstr("put convert(f32) before"));
  EXPECT_THAT(verify(physical({CenterCropOp{}, ResizeOp{ResizeOp::Mode::kExact, 5, 5}})).error().message,
              HasSubstr("padding before a resize"));
  EXPECT_THAT(verify(physical({ResizeOp{}, ResizeOp{ResizeOp::Mode::kExact, 5, 5}})).error().message,
              HasSubstr("at most one resize"));
  EXPECT_THAT(verify(physical({UserOp{std::make_shared<const Invert>()}})).error().message, HasSubstr("single steps"));
  EXPECT_FALSE(verify(PhysicalPipeline{}));

  PhysicalPipeline coarse = good;
  std::get<FusedStep>(coarse.host_steps[0]).coefficient_bits = 14;
  EXPECT_THAT(verify(coarse).error().message, HasSubstr("label"));
  coarse.label = FidelityLabel::kWithin1Lsb;
  EXPECT_TRUE(verify(coarse));
  coarse.decode.scale_denominator = 2;
  EXPECT_THAT(verify(coarse).error().message, HasSubstr("lossy"));
}

}  // namespace
}  // namespace smol
