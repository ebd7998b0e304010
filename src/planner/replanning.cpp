#include <algorithm>

#include "planner/frontier.h"
#include "planner/planning.h"

namespace smol {

Status Planning::take_contenders(const PlanSet& earlier) {
  for (const std::vector<Plan>* list : {&earlier.plans, &earlier.dominated}) {
    for (const Plan& plan : *list) {
      const auto& renditions = dataset_.renditions;
      const auto rendition = std::find_if(renditions.begin(), renditions.end(),
                                          [&](const Dataset::Rendition& entry) { return entry.name == plan.rendition; });
      const bool judged = plan.measured && plan.measured->accuracy;
      const bool misses = options_.min_accuracy && (!judged || plan.measured->accuracy->low < *options_.min_accuracy);
      if (rendition == renditions.end() || misses || plan.model.empty()) continue;
      if (!judged && !cannot_change_answers(plan, reference_rendition_)) continue;
      SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(plan.model, runtime_.user_operators));
      SMOL_RETURN_IF_ERROR(verify(plan, card));
      Contender contender{plan, static_cast<std::size_t>(rendition - renditions.begin()),
                          card.task == Task::kClassification};
      contender.plan.predicted.reset();
      if (auto& measured = contender.plan.measured) {
        // Rates and latency are of another time; and who is next to whom on the frontier may change.
        measured->throughput = {};
        measured->latency_us = 0;
        measured->undecided_from.clear();
      }
      contenders_.push_back(std::move(contender));
    }
  }
  if (!contenders_.empty()) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("none of the plans can be measured on this input: they meet no constraint ({}) or read other "
                           "renditions than it has; plan again with `smol plan`",
                           earlier.decision.constraint.empty() ? "none was given" : earlier.decision.constraint)};
}

Result<PlanSet> Planning::run_again(const PlanSet& earlier) {
  if (!earlier.reference_rendition.empty()) reference_rendition_ = earlier.reference_rendition;
  SMOL_RETURN_IF_ERROR(survey_renditions());
  SMOL_RETURN_IF_ERROR(take_contenders(earlier));
  profiler_ = std::make_unique<Profiler>(runtime_, options_, items_, Profile{});
  book_ = std::make_unique<AnswerBook>(runtime_, dataset_, options_, *profiler_, units_of(calibration_.items));
  SMOL_RETURN_IF_ERROR(leave_out_failing_items());
  SMOL_RETURN_IF_ERROR(profile_stages());
  SMOL_RETURN_IF_ERROR(calibrate_overlap());
  predict_all();
  SMOL_RETURN_IF_ERROR(measure_finalists());
  SMOL_RETURN_IF_ERROR(choose());
  SMOL_ASSIGN_OR_RETURN(PlanSet set, conclude());
  set.reference_rendition = reference_rendition_;
  set.calibration = earlier.calibration;
  set.accuracy_kind = earlier.accuracy_kind;
  set.held_out = earlier.held_out;
  return set;
}

}  // namespace smol
