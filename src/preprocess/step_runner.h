#pragma once
#include <array>
#include <span>

#include "preprocess/resize_stream.h"
#include "preprocess/work_tensor.h"

namespace smol {

/// Feeds a decoded picture in host memory to a stream, copying only rows that a kernel could read past the end of.
Status feed_picture(const ImageView& picture, ResizeStream& stream, std::vector<std::uint8_t>& last_rows);

/// Runs steps one after the other over whole intermediate pictures: what fusion avoids, needed for user operators, ablations
/// and unusual orders. Geometry of 8-bit pictures uses the fused kernels, one operator at a time; of floats, Pillow's mode F
/// arithmetic. Not thread-safe; keeps its memory.
class StepRunner {
 public:
  /// Where a new picture goes before run(); always the same object.
  WorkTensor& begin_picture() {
    current_ = 0;
    return tensors_[0];
  }
  /// `orientation` is what an orient operator applies.
  Status run(std::span<const PhysicalStep> steps, Orientation orientation);
  /// Replaces the picture by the region of interest in `source`, before the first step; `orient` applies the orientation
  /// as well.
  Status crop_to_region(const GeometrySource& source, bool orient);
  /// kInvalidArgument when the tensor does not have the slot's size.
  Status copy_to(const TensorSlot& slot);

 private:
  [[nodiscard]] WorkTensor& current() { return tensors_[current_]; }
  [[nodiscard]] WorkTensor& other() { return tensors_[1 - current_]; }
  void swap() { current_ = 1 - current_; }

  Status run_single(const Operator& op, Orientation orientation);
  Status run_fused(std::span<const Operator> operators, const GeometrySource& source, int coefficient_bits);
  Status run_geometry(const Operator& op, const GeometrySource& source);
  Status run_planes(const Operator& op, const GeometrySource& source);
  Status run_float_geometry(const Operator& op, const GeometrySource& source);
  Status run_user(const UserOperator& op);
  void convert(const ConvertOp& op);
  void normalize(const NormalizeOp& op);
  void recolor(const ColorOp& op);
  void relayout(const LayoutOp& op);

  std::array<WorkTensor, 2> tensors_;
  int current_ = 0;
  ResizeStream stream_;
  std::vector<std::uint8_t> last_rows_;
  std::vector<float> float_rows_;
};

}  // namespace smol
