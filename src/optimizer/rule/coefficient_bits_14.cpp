#include <algorithm>

#include "optimizer/rule.h"

namespace smol::rule {
namespace {

bool averages(const Operator& op) {
  const auto* resize = std::get_if<ResizeOp>(&op);
  return resize != nullptr && resize->filter != Filter::kNearest;
}

/// fused 22: resize(..) => fused 14: resize(..): one multiply-add instead of two, at most 1 of 255 off. Offered for exact
/// forms only: beside a lossy choice the 2-4 % it gains would double what accuracy is measured of.
std::vector<Alternative> alternatives(const PhysicalPipeline& form, const RuleContext& /*context*/) {
  if (form.label != FidelityLabel::kExact) return {};
  PhysicalPipeline shorter = form;
  bool changed = false;
  for (PhysicalStep& step : shorter.host_steps) {
    auto* fused = std::get_if<FusedStep>(&step);
    if (fused == nullptr || !std::any_of(fused->operators.begin(), fused->operators.end(), averages)) continue;
    fused->coefficient_bits = 14;
    changed = true;
  }
  if (!changed) return {};
  shorter.label = FidelityLabel::kWithin1Lsb;
  return {{std::move(shorter), "bits14", "resize with 14-bit coefficients"}};
}

}  // namespace

ChoiceRule coefficient_bits_14() {
  return {"coefficient_bits_14", "resize with shorter coefficients, within 1 of 255", alternatives};
}

}  // namespace smol::rule
