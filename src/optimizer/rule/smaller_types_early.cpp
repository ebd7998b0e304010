#include <algorithm>

#include "optimizer/rule.h"

namespace smol::rule {
namespace {

bool has_pointwise(const PhysicalStep& step) {
  const auto operators = operators_of(step);
  return std::any_of(operators.begin(), operators.end(), is_pointwise);
}

/// [[orient() | convert(f32)] | resize(..)] => [orient() | resize(..) | convert(f32)]: the pointwise end of a fused step
/// moves behind the next step.
void move_end_behind(const PhysicalPipeline& form, std::size_t i, std::vector<PhysicalPipeline>& result) {
  const auto operators = operators_of(form.host_steps[i]);
  const auto end = std::find_if(operators.begin(), operators.end(), is_pointwise);
  if (end == operators.begin() || end == operators.end()) return;
  PhysicalPipeline split = with_steps(form, i, 1, {make_step({operators.begin(), end}), make_step({end, operators.end()})});
  if (!may_exchange(split, i + 1)) return;
  std::swap(split.host_steps[i + 1], split.host_steps[i + 2]);
  if (verify(split)) result.push_back(std::move(split));
}

/// [convert(f32) | resize(..)] and [resize(..) | convert(f32)] are both possible; the second resizes bytes, the first
/// floats. Normalize, colour and layout move likewise.
std::vector<PhysicalPipeline> neighbours(const PhysicalPipeline& form, const RuleContext& /*context*/) {
  std::vector<PhysicalPipeline> result;
  for (std::size_t i = 0; i + 1 < form.host_steps.size(); ++i) {
    if (!has_pointwise(form.host_steps[i]) && !has_pointwise(form.host_steps[i + 1])) continue;
    if (may_exchange(form, i)) {
      PhysicalPipeline exchanged = form;
      std::swap(exchanged.host_steps[i], exchanged.host_steps[i + 1]);
      if (verify(exchanged)) result.push_back(std::move(exchanged));
    } else {
      move_end_behind(form, i, result);
    }
  }
  return result;
}

}  // namespace

ExactRule smaller_types_early() {
  return {"smaller_types_early", "geometry works on bytes: convert, normalize and reorder move behind it", nullptr,
          neighbours};
}

}  // namespace smol::rule
