#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// [resize(short_side=256) | center_crop(224x224)] becomes one step that resizes only what the crop keeps: it reads the
/// crop's window, pulled back through the resize and widened by the filter's support. The same pixels, fewer of them.
std::vector<PhysicalPipeline> neighbours(const PhysicalPipeline& form, const RuleContext& /*context*/) {
  std::vector<PhysicalPipeline> result;
  for (std::size_t i = 0; i + 1 < form.host_steps.size(); ++i) {
    const auto left = operators_of(form.host_steps[i]), right = operators_of(form.host_steps[i + 1]);
    if (!is_resize(left.back()) || !is_crop(right.front())) continue;
    std::vector<Operator> both(left.begin(), left.end());
    both.insert(both.end(), right.begin(), right.end());
    PhysicalPipeline swapped = with_steps(form, i, 2, {FusedStep{std::move(both)}});
    if (verify(swapped)) result.push_back(std::move(swapped));  // a resize of floats stays on its own
  }
  return result;
}

}  // namespace

ExactRule swap_crop_before_resize() {
  return {"swap_crop_before_resize", "a crop after a resize limits what is resized", nullptr, neighbours};
}

}  // namespace smol::rule
