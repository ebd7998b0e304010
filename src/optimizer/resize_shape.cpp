#include "optimizer/resize_shape.h"

#include <algorithm>

#include "optimizer/op_cost.h"

namespace smol {

std::optional<ResizeShape> find_resize(const PhysicalPipeline& form, const ImageHeader& typical) {
  if (form.decode.scale_denominator != 1) return std::nullopt;
  std::optional<ResizeShape> found;
  Size size = typical.oriented_size();
  for (const Operator& op : operators_of(form)) {
    const Size before = size;
    size = size_after(op, before);
    if (const auto* crop = std::get_if<CenterCropOp>(&op); crop != nullptr && found)
      found->cropped_side = std::max(crop->width, crop->height);
    const auto* resize = std::get_if<ResizeOp>(&op);
    if (resize == nullptr) {
      if (!found && !(before.width == size.width && before.height == size.height)) return std::nullopt;
      continue;
    }
    if (found) return std::nullopt;
    const double shrink =
        static_cast<double>(std::min(before.width, before.height)) / std::max(1, std::min(size.width, size.height));
    found = ResizeShape{*resize, shrink, 0};
  }
  return found;
}

PhysicalPipeline with_resize(const PhysicalPipeline& form, const ResizeOp& resize) {
  PhysicalPipeline changed = form;
  const auto replace = [&resize](Operator& op) {
    if (std::holds_alternative<ResizeOp>(op)) op = resize;
  };
  for (PhysicalStep& step : changed.host_steps) {
    if (auto* fused = std::get_if<FusedStep>(&step)) {
      for (Operator& op : fused->operators) replace(op);
    } else {
      replace(std::get<SingleStep>(step).op);
    }
  }
  changed.label = FidelityLabel::kLossy;
  return changed;
}

}  // namespace smol
