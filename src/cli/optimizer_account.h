#pragma once
#include <set>

#include "optimizer/optimizer.h"
#include "smol/session.h"

namespace smol::cli {

/// What the optimizer was given and found for a plan's model and a typical picture of its input.
struct OptimizerAccount {
  OptimizerInput input;
  OptimizerResult result;

  /// Of the plan's pipeline, or of the exact one where the optimizer would not make the plan's any more.
  [[nodiscard]] const OpCost& cost_of(const Plan& plan) const;
};
/// kNotFound or kUnsupported when no picture of the plan's rendition can be read.
[[nodiscard]] Result<OptimizerAccount> account_for(const Runtime& runtime, const Plan& plan, const Dataset& dataset,
                                                   const std::vector<std::string>& disabled_rules);

}  // namespace smol::cli
