#include "backend/simulated/operator_operations.h"

#include <algorithm>

#include "preprocess/geometry.h"

namespace smol {
namespace {

double num_samples(const OutputSpec& picture) {
  return static_cast<double>(picture.width) * picture.height * (picture.color == ColorOrder::kGray ? 1 : 3);
}

/// Multiply-adds of one sample on an axis; none where the axis keeps its size.
double num_taps(const ResizeOp& op, int from, int to) {
  constexpr std::array<double, 6> kSupports{0, 0.5, 1, 1, 2, 3};
  if (from == to) return 0;
  const double shrinking = op.antialias ? std::max(1.0, static_cast<double>(from) / std::max(to, 1)) : 1.0;
  return std::max(1.0, 2 * kSupports.at(static_cast<std::size_t>(op.filter)) * shrinking);
}

/// Counts an operator and turns the picture into what it leaves.
class Counter {
 public:
  explicit Counter(const OutputSpec& picture) : picture_(picture) {}
  [[nodiscard]] double operations() const { return operations_; }

  void operator()(const ConvertOp& op) {
    if (op.dtype == DType::kF32 && picture_.dtype != DType::kF32) operations_ += num_samples(picture_);
    picture_.dtype = op.dtype;
  }
  void operator()(const NormalizeOp& /*op*/) { operations_ += 2 * num_samples(picture_); }
  void operator()(const LayoutOp& /*op*/) { operations_ += num_samples(picture_); }
  void operator()(const ColorOp& op) {
    operations_ += num_samples(picture_);
    picture_.color = op.order;
  }
  void operator()(const ResizeOp& op) {
    OutputSpec columns = picture_;
    const Size to = resized_size(op, {picture_.width, picture_.height});
    columns.width = to.width;
    operations_ += num_samples(columns) * num_taps(op, picture_.width, to.width);
    const int from_height = picture_.height;
    resize_to(to);
    operations_ += num_samples(picture_) * num_taps(op, from_height, to.height);
  }
  void operator()(const CropOp& op) { resize_to({op.rect.width, op.rect.height}); }
  void operator()(const CenterCropOp& op) { resize_to({op.width, op.height}); }
  /// The others run on hosts only.
  template <typename Other>
  void operator()(const Other& /*op*/) {}

 private:
  void resize_to(Size size) {
    picture_.width = size.width;
    picture_.height = size.height;
  }

  OutputSpec picture_;
  double operations_ = 0;
};

}  // namespace

double count_operations(std::span<const Operator> operators, OutputSpec input) {
  Counter counter(input);
  for (const Operator& op : operators) std::visit([&counter](const auto& one) { counter(one); }, op);
  return counter.operations();
}

}  // namespace smol
