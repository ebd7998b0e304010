#include <algorithm>

#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// The order a fused step works in; the pointwise operators commute where their ranks say otherwise.
int rank_of(const Operator& op, bool resized) {
  if (std::holds_alternative<OrientOp>(op)) return 0;
  if (is_crop(op)) return resized ? 3 : 1;
  if (is_resize(op)) return 2;
  if (std::holds_alternative<PadOp>(op)) return 4;
  if (std::holds_alternative<ColorOp>(op)) return 5;
  if (std::holds_alternative<ConvertOp>(op)) return 6;
  if (std::holds_alternative<NormalizeOp>(op)) return 7;
  return 8;
}

/// Geometry must already be in order, pointwise operators are put in order. Empty when the operators cannot be one step.
std::vector<Operator> in_fused_order(std::vector<Operator> operators) {
  const bool has_resize = std::any_of(operators.begin(), operators.end(), is_resize);
  bool resized = !has_resize;
  const auto first_pointwise = std::stable_partition(operators.begin(), operators.end(), std::not_fn(is_pointwise));
  int last_rank = 0;
  for (auto op = operators.begin(); op != first_pointwise; ++op) {
    const int rank = rank_of(*op, resized);
    if (rank < last_rank) return {};
    last_rank = rank;
    resized = resized || is_resize(*op);
  }
  std::stable_sort(first_pointwise, operators.end(),
                   [](const Operator& a, const Operator& b) { return rank_of(a, true) < rank_of(b, true); });
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
    both = in_fused_order(std::move(both));
    if (both.empty()) continue;
    PhysicalPipeline fused = with_steps(form, i, 2, {make_step(std::move(both))});
    if (verify(fused)) result.push_back(std::move(fused));  // what a fused step may read and hold is verify's business
  }
  return result;
}

}  // namespace

ExactRule fuse() { return {"fuse", "neighbouring operators run in one pass over the picture", nullptr, neighbours}; }

}  // namespace smol::rule
