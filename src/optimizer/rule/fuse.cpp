#include <algorithm>
#include <functional>

#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// The order in which a fused step applies its pointwise operators; they commute where the ranks say otherwise.
int rank_of(const Operator& op) {
  if (std::holds_alternative<ColorOp>(op)) return 0;
  if (std::holds_alternative<ConvertOp>(op)) return 1;
  return std::holds_alternative<NormalizeOp>(op) ? 2 : 3;
}

/// Geometry keeps its order and comes first.
std::vector<Operator> in_fused_order(std::vector<Operator> operators) {
  const auto first_pointwise = std::stable_partition(operators.begin(), operators.end(), std::not_fn(is_pointwise));
  std::stable_sort(first_pointwise, operators.end(),
                   [](const Operator& a, const Operator& b) { return rank_of(a) < rank_of(b); });
  return operators;
}

/// [crop(..) | resize(..)] and [convert(f32) | normalize(..) | layout(NCHW)] each become one pass over the picture.
/// A resize and the crop after it are left to swap_crop_before_resize.
std::vector<PhysicalPipeline> neighbours(const PhysicalPipeline& form, const RuleContext& /*context*/) {
  std::vector<PhysicalPipeline> result;
  for (std::size_t i = 0; i + 1 < form.host_steps.size(); ++i) {
    const auto left = operators_of(form.host_steps[i]), right = operators_of(form.host_steps[i + 1]);
    // Geometry after arithmetic is another order, not a fused step.
    if (std::any_of(left.begin(), left.end(), is_pointwise) && !is_pointwise(right.front())) continue;
    if (std::any_of(left.begin(), left.end(), is_resize) && std::any_of(right.begin(), right.end(), is_crop)) continue;
    std::vector<Operator> both(left.begin(), left.end());
    both.insert(both.end(), right.begin(), right.end());
    PhysicalPipeline fused = with_steps(form, i, 2, {FusedStep{in_fused_order(std::move(both))}});
    if (verify(fused)) result.push_back(std::move(fused));  // what a fused step may read and hold is verify's business
  }
  return result;
}

}  // namespace

ExactRule fuse() { return {"fuse", "neighbouring operators run in one pass over the picture", nullptr, neighbours}; }

}  // namespace smol::rule
