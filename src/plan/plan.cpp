#include "smol/plan.h"

#include <fmt/format.h>

#include "base/digest.h"

namespace smol {

std::string Plan::semantic_hash() const {
  // Exact pipelines of one card give one answer whatever their physical form; others are named by their full text.
  const std::string form = pipeline.label == FidelityLabel::kExact ? "exact" : to_string(pipeline);
  return digest_of(fmt::format("{}|{}|{}|{}|{}|{}", model_digest, rendition, fidelity, form, name_of(precision), backend));
}

double Plan::throughput() const {
  if (measured && measured->throughput.value > 0) return measured->throughput.value;
  return predicted ? predicted->throughput : 0;
}

Result<const Plan*> PlanSet::find(std::string_view id) const {
  if (id.empty() && !decision.met) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("no plan of this file is known to meet what was asked for ({}), so none is chosen; name one: {}",
                    decision.constraint, decision.reason)};
  }
  const std::string_view wanted = id.empty() ? std::string_view(chosen) : id;
  std::string known;
  for (const std::vector<Plan>* list : {&plans, &dominated}) {
    for (const Plan& plan : *list) {
      if (plan.id == wanted) return &plan;
      known += (known.empty() ? "" : ", ") + plan.id;
    }
  }
  if (wanted.empty() && !plans.empty()) return &plans.front();
  return Error{ErrorCode::kNotFound,
               fmt::format("no plan '{}'; the file holds: {}", wanted, known.empty() ? "none" : known)};
}

std::string meaning_digest(const ModelCard& card) {
  ModelCard meaning = card;
  meaning.name.clear();
  meaning.path.clear();
  meaning.card_path.clear();
  meaning.labels.clear();
  meaning.labels_path.clear();
  meaning.licence.clear();
  meaning.max_batch = 0;
  meaning.backend_config.clear();
  std::string text = to_yaml(meaning);
  if (!card.backend_config_digest.empty()) text += "backend_config: " + card.backend_config_digest;
  return digest_of(text);
}

Status verify(const Plan& plan, const ModelCard& card) {
  const auto refuse = [&](std::string why) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("plan '{}': {}", plan.id, why)};
  };
  if (!plan.model_digest.empty() && plan.model_digest != meaning_digest(card)) {
    return refuse(fmt::format("the model or its card changed since it was planned; plan again: planned {}, now {}",
                              plan.model_digest, meaning_digest(card)));
  }
  SMOL_RETURN_IF_ERROR(verify(plan.pipeline));
  const ExecutionShape& shape = plan.shape;
  if (shape.batch < 1 || shape.batch > 4096) return refuse(fmt::format("batch must be 1..4096: {}", shape.batch));
  for (const auto& [name, value] : {std::pair{"host_workers", shape.host_workers},
                                    {"streams", shape.streams},
                                    {"slots", shape.slots},
                                    {"threads_per_stream", shape.threads_per_stream},
                                    {"io_threads", shape.io_threads}}) {
    if (value < 0 || value > 1024) return refuse(fmt::format("{} must be 0..1024: {}", name, value));
  }
  return {};
}

}  // namespace smol
