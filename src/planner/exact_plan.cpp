#include "planner/batch_choice.h"
#include "planner/candidates.h"
#include "smol/session.h"

namespace smol {
namespace {

RenditionFacts facts_of(const Runtime& runtime, const std::vector<Item>& sample, const std::string& rendition) {
  if (Result<RenditionFacts> facts = survey(runtime, sample, rendition); facts.ok()) return *std::move(facts);
  RenditionFacts facts;
  const Codec& codec = *runtime.codecs.codecs().front();
  facts.codec_name = codec.name();
  facts.codec = codec.capabilities();
  facts.typical.format = codec.name();
  facts.typical.width = 500;
  facts.typical.height = 375;
  return facts;
}

}  // namespace

Result<Plan> exact_plan(const Runtime& runtime, const std::string& card_path, const std::string& rendition,
                        const std::vector<Item>& sample, const PlanOptions& options) {
  SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(card_path, runtime.user_operators));
  if (runtime.codecs.codecs().empty()) {
    return Error{ErrorCode::kNotBuilt, "no codec is registered: a plan needs one to read pictures with"};
  }
  PlanOptions exact = options;
  exact.allow_lossy = false;
  SMOL_ASSIGN_OR_RETURN(const std::vector<Plan> candidates,
                        make_candidates(runtime, card, card_path, rendition, facts_of(runtime, sample, rendition), exact));
  Plan plan = candidates.front();
  if (!options.measure_batch) return plan;
  SMOL_ASSIGN_OR_RETURN(const BatchChoice choice, choose_batch(runtime, plan, options.shape.batch, options.stop));
  plan.shape = choice.compiled.plan().shape;
  return plan;
}

}  // namespace smol
