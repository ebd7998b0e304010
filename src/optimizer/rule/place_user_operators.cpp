#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// [user(f) | resize(..)] <=> [resize(..) | user(f)] for an operator that commutes with geometry: it runs where there are
/// fewer pixels. Other user operators are walls.
std::vector<PhysicalPipeline> neighbours(const PhysicalPipeline& form, const RuleContext& /*context*/) {
  std::vector<PhysicalPipeline> result;
  for (std::size_t i = 0; i + 1 < form.host_steps.size(); ++i) {
    const bool user = std::holds_alternative<UserOp>(operators_of(form.host_steps[i]).front()) ||
                      std::holds_alternative<UserOp>(operators_of(form.host_steps[i + 1]).front());
    if (!user || !may_exchange(form, i)) continue;
    PhysicalPipeline exchanged = form;
    std::swap(exchanged.host_steps[i], exchanged.host_steps[i + 1]);
    result.push_back(std::move(exchanged));
  }
  return result;
}

}  // namespace

ExactRule place_user_operators() {
  return {"place_user_operators", "user operators that commute with geometry run where there are fewer pixels", nullptr,
          neighbours};
}

}  // namespace smol::rule
