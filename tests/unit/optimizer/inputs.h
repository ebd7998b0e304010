#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "optimizer/optimizer.h"

namespace smol::test {

/// A user operator for tests; leaves the size as it is.
class PointOperator : public UserOperator {
 public:
  PointOperator(bool commutes, double operations) : commutes_(commutes), operations_(operations) {}
  [[nodiscard]] std::string_view name() const override { return "point"; }
  [[nodiscard]] Result<Size> output_size(Size input) const override { return input; }
  [[nodiscard]] bool commutes_with_geometry() const override { return commutes_; }
  [[nodiscard]] double operations_per_pixel() const override { return operations_; }
  Status apply(const ImageView&, ImageView&) const override { return {}; }

 private:
  bool commutes_;
  double operations_;
};

inline NormalizeOp imagenet() { return {{123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F}}; }

/// orient, resize 256, centre crop 224, f32, normalise, NCHW.
inline LogicalPipeline classification() {
  return {{OrientOp{}, ResizeOp{}, CenterCropOp{224, 224}, ConvertOp{DType::kF32}, imagenet(), LayoutOp{Layout::kNCHW}}};
}

/// A codec that can do everything and a 4:2:0 picture of that size at 0.7 bytes a pixel.
inline OptimizerInput capable_input(LogicalPipeline logical, int width = 500, int height = 375) {
  OptimizerInput input;
  input.logical = std::move(logical);
  input.context.codec.scale_denominators = {1, 2, 4, 8};
  input.context.codec.region = true;
  input.context.codec.early_stop = true;
  input.context.codec.planar = true;
  input.context.codec.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kGray8, PixelFormat::kYcc8Planar};
  input.context.typical.width = width;
  input.context.typical.height = height;
  input.context.typical.chroma_horizontal = 2;
  input.context.typical.chroma_vertical = 2;
  input.context.typical.compressed_bytes = static_cast<std::int64_t>(width) * height * 7 / 10;
  input.context.backend.compiles_device_operators = true;
  return input;
}

/// Prices of machines that differ: the defaults, slow memory, fast floats, only arithmetic.
inline std::vector<OpCostWeights> several_weights() {
  OpCostWeights slow_memory, equal_types, arithmetic_only;
  slow_memory.memory_byte = 20;
  equal_types.f32_operation = equal_types.u8_operation;
  arithmetic_only.memory_byte = 0;
  arithmetic_only.entropy_byte = 0;
  arithmetic_only.f32_operation = 8;
  return {{}, slow_memory, equal_types, arithmetic_only};
}

}  // namespace smol::test
