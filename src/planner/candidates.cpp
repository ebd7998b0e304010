#include "planner/candidates.h"

#include <algorithm>
#include <set>

#include "optimizer/optimizer.h"

namespace smol {
namespace {

// A choice that would save less than this share of preprocessing cannot be told from noise, so it is not worth measuring.
constexpr double kWorthMeasuring = 0.05;

std::vector<Precision> precisions_for(const ModelCard& card, const BackendCapabilities& backend,
                                      const PlanOptions& options) {
  if (!options.precisions.empty()) return options.precisions;
  // A model with 8-bit inputs is quantised: it runs as it is.
  if (card.dtype == DType::kU8 || card.dtype == DType::kI8) return {Precision::kAsStored};
  std::vector<Precision> precisions{Precision::kF32};
  const auto& fast = backend.fast_precisions;
  if (options.allow_lossy && std::find(fast.begin(), fast.end(), Precision::kBF16) != fast.end())
    precisions.push_back(Precision::kBF16);
  return precisions;
}

}  // namespace

Result<std::vector<Plan>> make_candidates(const Runtime& runtime, const ModelCard& card, const std::string& card_path,
                                          const std::string& rendition, const RenditionFacts& facts,
                                          const PlanOptions& options) {
  SMOL_ASSIGN_OR_RETURN(const Backend* backend, runtime.backends.find(card.backend));
  OptimizerInput input;
  input.logical = card.pipeline;
  input.context.codec = facts.codec;
  input.context.backend = backend->capabilities();
  input.context.typical = facts.typical;
  input.allow_lossy = options.allow_lossy;
  input.disabled_rules.insert(options.disabled_rules.begin(), options.disabled_rules.end());
  input.codec_name = facts.codec_name;
  SMOL_ASSIGN_OR_RETURN(const OptimizerResult optimized, optimize(input));

  std::vector<Plan> plans;
  for (Precision precision : precisions_for(card, backend->capabilities(), options)) {
    std::set<std::pair<std::string, std::size_t>> taken;  ///< fidelity and placement
    for (const Candidate& candidate : optimized.candidates) {
      // Candidates come cheapest first within a fidelity. Where inference shares the cores, moving operators into the graph
      // moves work without removing it, so the host form stands for all placements.
      const std::size_t num_on_device = candidate.pipeline.device_operators.size();
      if (num_on_device > 0 && backend->capabilities().shares_host_cores && !options.all_placements) continue;
      const bool exact = candidate.pipeline.label == FidelityLabel::kExact;
      const double exact_cost = optimized.candidates.front().cost.total();
      if (!exact && !options.all_fidelities && !candidate.may_gain_accuracy &&
          candidate.cost.total() > (1 - kWorthMeasuring) * exact_cost)
        continue;
      if (!taken.emplace(candidate.fidelity, num_on_device).second) continue;
      Plan plan;
      plan.model = card_path;
      plan.model_name = card.name;
      plan.model_digest = meaning_digest(card);
      plan.backend = card.backend;
      plan.precision = precision;
      plan.rendition = rendition;
      plan.fidelity = candidate.fidelity;
      plan.pipeline = candidate.pipeline;
      plan.shape = options.shape;
      plan.id = card.name + "/" + rendition + "/" + candidate.fidelity;
      if (precision == Precision::kBF16 || precision == Precision::kF16) plan.id += "/" + std::string(name_of(precision));
      if (num_on_device > 0) plan.id += "/device" + std::to_string(num_on_device);
      plan.simulated = backend->capabilities().simulated;
      plans.push_back(std::move(plan));
    }
  }
  return plans;
}

}  // namespace smol
