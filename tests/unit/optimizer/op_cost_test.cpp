#include "optimizer/op_cost.h"

#include <gtest/gtest.h>

#include <random>

#include "backend/simulated/operator_operations.h"
#include "inputs.h"
#include "optimizer/form.h"

namespace smol::test {
namespace {

ImageHeader picture(int width, int height) { return capable_input({}, width, height).context.typical; }

PhysicalPipeline singles(std::vector<Operator> operators) {
  PhysicalPipeline form;
  for (Operator& op : operators) form.host_steps.emplace_back(SingleStep{std::move(op)});
  return form;
}

PhysicalPipeline fused(std::vector<Operator> operators) {
  PhysicalPipeline form;
  form.host_steps.emplace_back(FusedStep{std::move(operators)});
  return form;
}

TEST(OpCost, CountsAResizeByHand) {
  // 200x100 to 100x50: bilinear, antialiased, support 2, so 4 taps. Columns 100 x 100 rows, then rows 100 x 50.
  const ResizeOp half{ResizeOp::Mode::kExact, 100, 50};
  const WorkCount work = count_work(singles({half}), picture(200, 100), false);
  EXPECT_EQ(work.u8_operations, (100 * 100 * 4 + 100 * 50 * 4) * 3);
  EXPECT_EQ(work.f32_operations, 0);
  // Reads the picture, writes and reads the picture between the passes, writes the result.
  EXPECT_EQ(work.memory_bytes, 3 * (200 * 100 + 2 * 100 * 100 + 100 * 50));
  EXPECT_EQ(count_work(fused({half, ConvertOp{}}), picture(200, 100), false).memory_bytes, 3 * (200 * 100 + 4 * 100 * 50));
}

TEST(OpCost, CountsConvertAndNormalizeOnTheTypeAndPixelsTheyMeet) {
  const ResizeOp half{ResizeOp::Mode::kExact, 100, 50};
  const WorkCount late = count_work(singles({half, ConvertOp{}, imagenet()}), picture(200, 100), false);
  EXPECT_EQ(late.f32_operations, 3 * 100 * 50 * 3);
  const WorkCount early = count_work(singles({ConvertOp{}, imagenet(), half}), picture(200, 100), false);
  EXPECT_EQ(early.u8_operations, 0);
  EXPECT_EQ(early.f32_operations, 3 * 200 * 100 * 3 + (100 * 100 * 4 + 100 * 50 * 4) * 3);
}

TEST(OpCost, CropInTheSameStepLimitsTheResize) {
  const WorkCount whole = count_work(singles({ResizeOp{}, CenterCropOp{224, 224}}), picture(1000, 500), false);
  const WorkCount part = count_work(fused({ResizeOp{}, CenterCropOp{224, 224}}), picture(1000, 500), false);
  // 224 of 512 columns: less than half of the work.
  EXPECT_LT(part.u8_operations, whole.u8_operations / 2);
  EXPECT_TRUE(dominates(part, whole));
}

TEST(OpCost, RegionAndEarlyStopReadLess) {
  PhysicalPipeline form = fused({ResizeOp{}, CenterCropOp{224, 224}});
  ImageHeader typical = picture(375, 500);
  const WorkCount whole = count_work(form, typical, false);
  EXPECT_EQ(whole.entropy_bytes, typical.compressed_bytes);
  EXPECT_EQ(whole.decoded_samples, 375 * 500 * 1.5);
  form.decode.early_stop = true;
  const WorkCount stopped = count_work(form, typical, false);
  // The crop ends 222 rows of 341 into the resized picture: about 0.83 of the rows.
  EXPECT_NEAR(stopped.entropy_bytes / whole.entropy_bytes, (170.5 + 112) / 341, 0.03);
  form.decode.region = true;
  const WorkCount region = count_work(form, typical, false);
  EXPECT_TRUE(dominates(region, stopped));
  EXPECT_TRUE(dominates(stopped, whole));
  typical.progressive = true;
  EXPECT_EQ(count_work(form, typical, false).entropy_bytes, typical.compressed_bytes);
  EXPECT_EQ(count_work(form, typical, false).decoded_samples, region.decoded_samples);
}

TEST(OpCost, OrientationSwapsWhatTheDecoderSees) {
  PhysicalPipeline form = fused({OrientOp{}, CropOp{{0, 0, 300, 100}}});
  form.decode.early_stop = true;
  ImageHeader upright = picture(400, 400), turned = picture(400, 400);
  turned.orientation = Orientation::kRotate90;
  // 100 oriented rows are 100 stored columns of a turned picture: 300 stored rows are needed.
  EXPECT_NEAR(count_work(form, upright, false).entropy_bytes / upright.compressed_bytes, 0.25, 0.03);
  EXPECT_NEAR(count_work(form, turned, false).entropy_bytes / turned.compressed_bytes, 0.75, 0.03);
}

TEST(OpCost, ChromaOfPlanesTakesAsManyOperationsForEachSampleOfTheResult) {
  // 400x400 to 200x200: 4 taps an axis for luma.
  PhysicalPipeline form = fused({ResizeOp{.mode = ResizeOp::Mode::kExact, .width = 200, .height = 200}});
  form.decode.format = PixelFormat::kYcc8Planar;
  const double colours = 6 * 200 * 200;
  ImageHeader typical = picture(400, 400);
  EXPECT_EQ(typical.chroma_horizontal * typical.chroma_vertical, 4);
  // At the scale of chroma, 200 to 200, there is nothing to resize.
  EXPECT_EQ(count_work(form, typical, false).u8_operations, 400 * 200 * 4 + 200 * 200 * 4 + colours);
  typical.chroma_vertical = 1;
  const double chroma = 2.0 * 200 * 200 * 4;
  EXPECT_EQ(count_work(form, typical, false).u8_operations, 400 * 200 * 4 + 200 * 200 * 4 + chroma + colours);
  typical.chroma_horizontal = 1;
  EXPECT_EQ(count_work(form, typical, false).u8_operations, 3 * (400 * 200 * 4 + 200 * 200 * 4) + colours);
}

TEST(OpCost, GrayAndPlanesCarryFewerSamples) {
  PhysicalPipeline form = fused({ResizeOp{}, CenterCropOp{224, 224}, ConvertOp{}, imagenet(), LayoutOp{}});
  const ImageHeader typical = picture(500, 375);
  const WorkCount colour = count_work(form, typical, false);
  form.decode.format = PixelFormat::kYcc8Planar;
  const WorkCount planes = count_work(form, typical, false);
  EXPECT_EQ(planes.converted_pixels, 0);
  EXPECT_LT(planes.u8_operations, colour.u8_operations);
  form.decode.format = PixelFormat::kGray8;
  ImageHeader gray = typical;
  gray.channels = 1;
  const WorkCount one = count_work(form, gray, false);
  EXPECT_EQ(one.decoded_samples, 500 * 375);
  // Converting happens on one channel, normalising on the three that the model gets.
  EXPECT_EQ(one.f32_operations, 224 * 224 * (1 + 2 * 3));
  EXPECT_EQ(colour.f32_operations, 224 * 224 * (3 + 2 * 3));
}

/// Simulated devices take the time of their own count.
TEST(OpCost, SimulatedDevicesCountTheirOperatorsAlike) {
  const std::vector<Operator> all{ConvertOp{}, imagenet(), ColorOp{ColorOrder::kBGR}, LayoutOp{}};
  for (const bool gray : {false, true}) {
    for (std::size_t first = 0; first <= all.size(); ++first) {
      PhysicalPipeline form = fused({ResizeOp{}, CenterCropOp{224, 224}});
      auto& host = std::get<FusedStep>(form.host_steps[0]).operators;
      if (gray) host.emplace_back(ColorOp{ColorOrder::kGray});
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (gray && std::holds_alternative<ColorOp>(all[i])) continue;
        (i < first ? host : form.device_operators).push_back(all[i]);
      }
      const Result<OutputSpec> handed_over = verify(form);
      ASSERT_TRUE(handed_over.ok()) << handed_over.error().message;
      EXPECT_EQ(count_operations(form.device_operators, *handed_over),
                count_work(form, picture(500, 375), true).device_operations)
          << one_line(form);
    }
  }
}

TEST(OpCost, ShorterCoefficientsAndScalesCostLess) {
  PhysicalPipeline form = fused({ResizeOp{}, CenterCropOp{224, 224}});
  const ImageHeader typical = picture(4000, 3000);
  const WorkCount full = count_work(form, typical, false);
  std::get<FusedStep>(form.host_steps[0]).coefficient_bits = 14;
  EXPECT_NEAR(count_work(form, typical, false).u8_operations, 0.7 * full.u8_operations, 1);
  form.decode.scale_denominator = 4;
  const WorkCount scaled = count_work(form, typical, false);
  EXPECT_EQ(scaled.converted_pixels, 1000 * 750);
  EXPECT_EQ(scaled.decoded_samples, 1000 * 750 * 3) << "chroma arrives at full size below 1/2";
  EXPECT_EQ(scaled.entropy_bytes, full.entropy_bytes);
}

TEST(OpCost, DeviceOperatorsLeaveTheHostAndShrinkTheTransfer) {
  PhysicalPipeline host = fused({ResizeOp{ResizeOp::Mode::kExact, 224, 224}, ConvertOp{}, imagenet(), LayoutOp{}});
  PhysicalPipeline device = fused({ResizeOp{ResizeOp::Mode::kExact, 224, 224}});
  device.device_operators = {ConvertOp{}, imagenet(), LayoutOp{}};
  const WorkCount on_host = count_work(host, picture(500, 375), true),
                  on_device = count_work(device, picture(500, 375), true);
  EXPECT_EQ(on_host.transfer_bytes, 224 * 224 * 3 * 4);
  EXPECT_EQ(on_device.transfer_bytes, 224 * 224 * 3);
  EXPECT_EQ(on_device.f32_operations, 0);
  EXPECT_EQ(on_device.device_operations, 224 * 224 * 3 * 4);
  EXPECT_EQ(count_work(device, picture(500, 375), false).transfer_bytes, 0);
}

TEST(OpCost, WeightsAreChecked) {
  EXPECT_TRUE(verify(OpCostWeights{}));
  OpCostWeights weights;
  weights.f32_operation = 0.5;
  EXPECT_EQ(verify(weights).error().code, ErrorCode::kInvalidArgument);
  weights = {};
  weights.memory_byte = -1;
  EXPECT_EQ(verify(weights).error().code, ErrorCode::kInvalidArgument);
  weights.memory_byte = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(verify(weights).error().code, ErrorCode::kInvalidArgument);
}

class RandomWork : public testing::Test {
 protected:
  std::mt19937 random_{7};
  double draw(int top) { return std::uniform_int_distribution<int>(0, top)(random_); }
  WorkCount work() { return {draw(2), draw(2), draw(2), draw(3), draw(3), draw(2), draw(2), draw(2)}; }
  OpCostWeights weights() {
    OpCostWeights w{draw(9), draw(9), draw(9), draw(9), 0, draw(9), draw(9), draw(9)};
    w.f32_operation = w.u8_operation + draw(9);
    return w;
  }
};

TEST_F(RandomWork, DominanceIsAStrictPartialOrder) {
  int num_dominated = 0;
  for (int i = 0; i < 200'000; ++i) {
    const WorkCount a = work(), b = work(), c = work();
    EXPECT_FALSE(dominates(a, a));
    if (!dominates(a, b)) continue;
    ++num_dominated;
    EXPECT_FALSE(dominates(b, a));
    EXPECT_TRUE(!dominates(b, c) || dominates(a, c));
  }
  EXPECT_GT(num_dominated, 1000);
}

TEST_F(RandomWork, WhatDominatesIsNeverDearer) {
  for (int i = 0; i < 200'000; ++i) {
    const WorkCount a = work(), b = work();
    if (!dominates(a, b)) continue;
    const OpCostWeights w = weights();
    ASSERT_TRUE(verify(w));
    EXPECT_LE(price(a, w).total(), price(b, w).total());
  }
}

}  // namespace
}  // namespace smol::test
