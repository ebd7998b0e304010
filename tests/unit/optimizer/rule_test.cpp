// What single rules do and refuse, where the text tests in tests/plan cannot say it. Each with the rule on and off.
#include <gtest/gtest.h>

#include <algorithm>

#include "inputs.h"

namespace smol::test {
namespace {

OptimizerResult optimized(OptimizerInput input, const std::string& disabled = "") {
  if (!disabled.empty()) input.disabled_rules.insert(disabled);
  return optimize(input).value();
}

const Candidate* find(const OptimizerResult& result, std::string_view fidelity) {
  for (const Candidate& candidate : result.candidates) {
    if (candidate.fidelity == fidelity) return &candidate;
  }
  return nullptr;
}

std::size_t num_steps(const OptimizerResult& result) { return result.candidates.front().pipeline.host_steps.size(); }

TEST(Fuse, MakesOneStepOrLeavesEach) {
  EXPECT_EQ(num_steps(optimized(capable_input(classification()))), 1U);
  // The resize and the crop still become one, by swapping.
  EXPECT_EQ(num_steps(optimized(capable_input(classification()), "fuse")), classification().operators.size() - 1);
}

TEST(SwapCropBeforeResize, IsOneStepWithItsResize) {
  const OptimizerResult off = optimized(capable_input(classification()), "swap_crop_before_resize");
  EXPECT_EQ(num_steps(off), 2U);
  EXPECT_FALSE(off.candidates.front().pipeline.decode.region) << "the whole picture is resized";
  EXPECT_LT(optimized(capable_input(classification())).candidates.front().cost.total(), off.candidates.front().cost.total());
}

TEST(SmallerTypesEarly, LabelsWhatAReorderDoesToRounding) {
  const auto labels = [](Filter filter, bool normalized, const std::string& disabled = "") {
    LogicalPipeline logical{{ConvertOp{}, ResizeOp{ResizeOp::Mode::kExact, 224, 224, filter}, LayoutOp{}}};
    if (normalized) logical.operators.insert(logical.operators.begin() + 1, imagenet());
    std::set<FidelityLabel> found;
    for (const Candidate& candidate : optimized(capable_input(logical), disabled).candidates) {
      if (candidate.fidelity == "exact" || candidate.fidelity == "reordered") found.insert(candidate.pipeline.label);
    }
    return found;
  };
  using enum FidelityLabel;
  EXPECT_EQ(labels(Filter::kBilinear, false), (std::set{kExact, kWithin1Lsb}));
  EXPECT_EQ(labels(Filter::kBox, true), (std::set{kExact, kWithin1Lsb}));
  EXPECT_EQ(labels(Filter::kLanczos, false).count(kLossy), 1U);
  EXPECT_EQ(labels(Filter::kNearest, true), std::set{kExact}) << "copying pixels commutes with everything";
  EXPECT_EQ(labels(Filter::kBilinear, false, "smaller_types_early"), std::set{kExact});
}

TEST(SmallerTypesEarly, NormalizeStaysBehindACropThatMayPad) {
  const auto forms = [](LogicalPipeline logical) {
    OptimizerInput input = capable_input(std::move(logical));
    input.disabled_rules = {"fuse", "swap_crop_before_resize", "push_region_into_decoder"};
    return optimize(input).value().num_generated;
  };
  // convert may stand before or after the crop; normalize only behind it.
  EXPECT_EQ(forms({{CenterCropOp{224, 224}, ConvertOp{}, imagenet()}}), 2U);
  // After a resize to 224 nothing is padded: 3 places for the pair among resize and crop give 6 orders.
  EXPECT_EQ(forms({{ResizeOp{ResizeOp::Mode::kShortSide, 224}, CenterCropOp{224, 224}, ConvertOp{}, imagenet()}}), 6U);
  EXPECT_EQ(forms({{ResizeOp{ResizeOp::Mode::kShortSide, 223}, CenterCropOp{224, 224}, ConvertOp{}, imagenet()}}), 3U);
}

TEST(PlaceUserOperators, MovesPointOperatorsToFewerPixels) {
  const auto position = [](bool commutes, int width, const std::string& disabled = "") {
    LogicalPipeline logical = classification();
    logical.operators.insert(logical.operators.begin() + 1, UserOp{std::make_shared<PointOperator>(commutes, 100)});
    const auto operators =
        operators_of(optimized(capable_input(logical, width, width), disabled).candidates.front().pipeline);
    const auto user = std::find_if(operators.begin(), operators.end(),
                                   [](const Operator& op) { return std::holds_alternative<UserOp>(op); });
    return user - operators.begin();
  };
  EXPECT_EQ(position(true, 1000), 3) << "behind resize and crop";
  EXPECT_EQ(position(true, 60), 1) << "in front, where the picture is small";
  EXPECT_EQ(position(false, 1000), 1);
  EXPECT_EQ(position(true, 1000, "place_user_operators"), 1);
}

TEST(PushRegion, UsesWhatTheCodecCan) {
  const auto decode = [](bool region, bool early_stop, const std::string& disabled = "") {
    OptimizerInput input = capable_input(classification());
    input.context.codec.region = region;
    input.context.codec.early_stop = early_stop;
    return optimized(input, disabled).candidates.front().pipeline.decode;
  };
  EXPECT_EQ(decode(true, true), (DecodeStep{1, true, true, PixelFormat::kRgbx8}));
  EXPECT_EQ(decode(false, true), (DecodeStep{1, false, true, PixelFormat::kRgbx8}));
  EXPECT_EQ(decode(true, false), (DecodeStep{1, true, false, PixelFormat::kRgbx8}));
  EXPECT_EQ(decode(false, false), DecodeStep{});
  EXPECT_EQ(decode(true, true, "push_region_into_decoder"), DecodeStep{});
}

TEST(GrayLate, NeedsEveryPictureGrayAndACodecThatDeliversIt) {
  OptimizerInput input = capable_input(classification());
  input.context.typical.channels = 1;
  const auto format = [](const OptimizerResult& result) { return result.candidates.front().pipeline.decode.format; };
  EXPECT_EQ(format(optimized(input)), PixelFormat::kRgbx8);
  input.context.all_gray = true;
  EXPECT_EQ(format(optimized(input)), PixelFormat::kGray8);
  EXPECT_EQ(format(optimized(input, "gray_late")), PixelFormat::kRgbx8);
  input.context.codec.formats = {PixelFormat::kRgbx8};
  EXPECT_EQ(format(optimized(input)), PixelFormat::kRgbx8);
}

TEST(DropNoOps, KeepsWhatOnlyThePictureDecides) {
  const auto left = [](LogicalPipeline logical, const std::string& disabled = "") {
    return optimized(capable_input(std::move(logical)), disabled).logical.operators.size();
  };
  const ResizeOp exact{ResizeOp::Mode::kExact, 224, 224};
  EXPECT_EQ(left({{exact, CenterCropOp{224, 224}, PadOp{224, 224}, CropOp{{0, 0, 224, 224}}}}), 1U);
  EXPECT_EQ(left({{exact, CropOp{{0, 1, 224, 223}}}}), 2U);
  EXPECT_EQ(left({{ResizeOp{ResizeOp::Mode::kShortSide, 224}, CenterCropOp{224, 224}}}), 2U);
  EXPECT_EQ(left({{OrientOp{}, exact}}), 2U) << "some picture may be turned";
  EXPECT_EQ(left({{exact, ConvertOp{}, NormalizeOp{}}}), 2U);
  EXPECT_EQ(left({{exact, ConvertOp{}, NormalizeOp{{0, 0, 0}, {255, 255, 255}}}}), 3U);
  EXPECT_EQ(left({{exact, CenterCropOp{224, 224}}}, "drop_no_ops"), 2U);
  OptimizerInput upright = capable_input({{OrientOp{}, exact}});
  upright.context.all_upright = true;
  EXPECT_EQ(optimized(upright).logical.operators.size(), 1U);
}

TEST(ResizeOnce, OnlyForTheSameSizeWithNothingBetween) {
  const auto left = [](LogicalPipeline logical, const std::string& disabled = "") {
    return optimized(capable_input(std::move(logical)), disabled).logical.operators.size();
  };
  const ResizeOp fit{ResizeOp::Mode::kFit, 320, 320}, other{ResizeOp::Mode::kFit, 320, 321};
  EXPECT_EQ(left({{fit, fit, PadOp{320, 320}}}), 2U);
  EXPECT_EQ(left({{fit, fit, fit, PadOp{320, 320}}}), 2U);
  EXPECT_EQ(left({{fit, other, PadOp{320, 321}}}), 3U);
  EXPECT_EQ(left({{ResizeOp{}, CenterCropOp{400, 300}, ResizeOp{}, CenterCropOp{224, 224}}}), 4U);
  EXPECT_EQ(left({{fit, fit, PadOp{320, 320}}}, "resize_once"), 3U);
}

TEST(DecoderScaling, OffersTheHeadroomsThereAre) {
  const auto scales = [](int width, int height, const std::string& disabled = "") {
    std::set<int> found;
    for (const Candidate& candidate : optimized(capable_input(classification(), width, height), disabled).candidates) {
      found.insert(candidate.pipeline.decode.scale_denominator);
      EXPECT_EQ(candidate.pipeline.decode.scale_denominator > 1 ? FidelityLabel::kLossy : candidate.pipeline.label,
                candidate.pipeline.label);
    }
    return found;
  };
  EXPECT_EQ(scales(500, 375), (std::set{1})) << "1.46x";
  EXPECT_EQ(scales(700, 520), (std::set{1, 2})) << "2.03x: 1/2 leaves less than 2x";
  EXPECT_EQ(scales(1400, 1030), (std::set{1, 2, 4}));
  EXPECT_EQ(scales(1400, 1023), (std::set{1, 2})) << "a hair less than 4x";
  EXPECT_EQ(scales(3000, 2000), (std::set{1, 2, 4})) << "7.8x";
  EXPECT_EQ(scales(4000, 3000), (std::set{1, 4, 8}));
  EXPECT_EQ(scales(8000, 6000), (std::set{1, 8})) << "1/8 leaves 2.9x: nothing cheaper is left";
  EXPECT_EQ(scales(4000, 3000, "decoder_scaling"), (std::set{1}));
}

TEST(DecoderScaling, TakesOnlyScalesOfTheCodec) {
  OptimizerInput input = capable_input(classification(), 4000, 3000);
  input.context.codec.scale_denominators = {1, 2};
  const OptimizerResult result = optimized(input);
  EXPECT_NE(find(result, "scale2"), nullptr);
  EXPECT_EQ(find(result, "scale4"), nullptr);
}

TEST(PlanesBeforeColor, NeedsPlanesSubsampledTwiceAndAResize) {
  EXPECT_NE(find(optimized(capable_input(classification())), "planes"), nullptr);
  EXPECT_EQ(find(optimized(capable_input(classification()), "planes_before_color"), "planes"), nullptr);
  OptimizerInput input = capable_input(classification());
  input.context.typical.chroma_vertical = 1;
  EXPECT_EQ(find(optimized(input), "planes"), nullptr);
  input = capable_input(classification());
  input.context.codec.planar = false;
  EXPECT_EQ(find(optimized(input), "planes"), nullptr);
  EXPECT_EQ(find(optimized(capable_input({{CenterCropOp{224, 224}, ConvertOp{}}})), "planes"), nullptr);
}

TEST(CoefficientBits14, IsAChoiceBesideTheExactForm) {
  const OptimizerResult result = optimized(capable_input(classification()));
  const Candidate* bits14 = find(result, "bits14");
  ASSERT_NE(bits14, nullptr);
  EXPECT_EQ(bits14->pipeline.label, FidelityLabel::kWithin1Lsb);
  EXPECT_LT(bits14->cost.total(), result.candidates.front().cost.total());
  EXPECT_EQ(find(optimized(capable_input(classification()), "coefficient_bits_14"), "bits14"), nullptr);
  const ResizeOp nearest{ResizeOp::Mode::kExact, 224, 224, Filter::kNearest};
  EXPECT_EQ(find(optimized(capable_input({{nearest, ConvertOp{}}})), "bits14"), nullptr) << "no coefficients";
}

TEST(DevicePlacement, OffersEverySplitOfTheArithmeticEnd) {
  const auto splits = [](OptimizerInput input, const std::string& disabled = "") {
    std::vector<std::size_t> sizes;
    for (const Candidate& candidate : optimized(std::move(input), disabled).candidates) {
      if (candidate.fidelity == "exact") sizes.push_back(candidate.pipeline.device_operators.size());
    }
    return sizes;
  };
  OptimizerInput input = capable_input(classification());
  EXPECT_EQ(splits(input), (std::vector<std::size_t>{0, 1, 2, 3}));
  EXPECT_EQ(splits(input, "device_placement"), std::vector<std::size_t>{0});
  EXPECT_EQ(splits(input, "fuse"), (std::vector<std::size_t>{0, 1, 2, 3})) << "also from single steps";
  input.context.backend.compiles_device_operators = false;
  EXPECT_EQ(splits(input), std::vector<std::size_t>{0});
}

TEST(DevicePlacement, TheHostWritesBytesWhenAllIsPlaced) {
  const OptimizerResult result = optimized(capable_input(classification()));
  const auto all = std::find_if(result.candidates.begin(), result.candidates.end(),
                                [](const Candidate& candidate) { return candidate.pipeline.device_operators.size() == 3; });
  ASSERT_NE(all, result.candidates.end());
  const OutputSpec host = verify(all->pipeline).value();
  EXPECT_EQ(host.dtype, DType::kU8);
  EXPECT_EQ(host.layout, Layout::kNHWC);
}

}  // namespace
}  // namespace smol::test
