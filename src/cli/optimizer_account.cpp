#include "cli/optimizer_account.h"

#include <algorithm>

#include "planner/calibration.h"

namespace smol::cli {

const OpCost& OptimizerAccount::cost_of(const Plan& plan) const {
  const std::vector<Candidate>& candidates = result.candidates;
  const auto found = std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return to_string(candidate.pipeline) == to_string(plan.pipeline);
  });
  return (found == candidates.end() ? candidates.front() : *found).cost;
}

Result<OptimizerAccount> account_for(const Runtime& runtime, const Plan& plan, const Dataset& dataset,
                                     const std::vector<std::string>& disabled_rules) {
  SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(plan.model, runtime.user_operators));
  const Dataset::Rendition* rendition = &dataset.renditions.front();
  for (const Dataset::Rendition& entry : dataset.renditions) {
    if (entry.name == plan.rendition) rendition = &entry;
  }
  SMOL_ASSIGN_OR_RETURN(
      const RenditionFacts facts,
      survey(runtime, calibration_items(dataset, *rendition, choose_calibration(dataset, 0)), rendition->name));
  SMOL_ASSIGN_OR_RETURN(const Backend* backend, runtime.backends.find(plan.backend));
  OptimizerAccount account;
  account.input.logical = card.pipeline;
  account.input.context.codec = facts.codec;
  account.input.context.backend = backend->capabilities();
  account.input.context.typical = facts.typical;
  account.input.codec_name = facts.codec_name;
  account.input.disabled_rules.insert(disabled_rules.begin(), disabled_rules.end());
  SMOL_ASSIGN_OR_RETURN(account.result, optimize(account.input));
  return account;
}

}  // namespace smol::cli
