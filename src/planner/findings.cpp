#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "planner/cost_model.h"
#include "planner/frontier.h"
#include "smol/session.h"

namespace smol {
namespace {

double accuracy_of(const Plan& plan) {
  return plan.measured && plan.measured->accuracy ? plan.measured->accuracy->value : -1;
}

double infer_of(const Plan& plan) {
  if (plan.measured && plan.measured->infer_throughput > 0) return plan.measured->infer_throughput;
  return plan.predicted ? plan.predicted->dnn_only : 0;
}

std::string rate_and_accuracy(const Plan& plan) {
  return fmt::format("{:.1f} %, {:.0f} items/s", 100 * accuracy_of(plan), plan.throughput());
}

std::vector<const Plan*> all_plans(const PlanSet& set) {
  std::vector<const Plan*> plans;
  for (const std::vector<Plan>* list : {&set.plans, &set.dominated}) {
    for (const Plan& plan : *list) plans.push_back(&plan);
  }
  return plans;
}

bool is_larger(const Plan& a, const Plan& b) { return a.model_name != b.model_name && infer_of(a) < infer_of(b); }

// The paper's question of section 5.2, for one point of the frontier.
std::string dominance_of(const Plan& point, const PlanSet& set) {
  const bool on_full = point.rendition == set.reference_rendition;
  std::string beaten;
  bool any_smaller = false, any_larger = false;
  for (const Plan* other : all_plans(set)) {
    if (accuracy_of(*other) < 0) continue;
    const bool other_on_full = other->rendition == set.reference_rendition;
    any_larger = any_larger || (on_full && !other_on_full && is_larger(*other, point));
    if (on_full || !other_on_full || !is_larger(point, *other)) continue;
    any_smaller = true;
    if (other->throughput() > point.throughput() || accuracy_of(*other) > accuracy_of(point)) continue;
    beaten += fmt::format("{}{} ({})", beaten.empty() ? "" : ", ", other->id, rate_and_accuracy(*other));
  }
  if (!beaten.empty()) {
    return fmt::format("{} ({}), a larger model on a smaller rendition, dominates a smaller model on {}: {}.", point.id,
                       rate_and_accuracy(point), set.reference_rendition, beaten);
  }
  if (any_smaller) {
    return fmt::format("{} ({}) dominates no smaller model on {}.", point.id, rate_and_accuracy(point),
                       set.reference_rendition);
  }
  if (on_full && any_larger) {
    return fmt::format("{} ({}) is dominated by no larger model on a smaller rendition.", point.id,
                       rate_and_accuracy(point));
  }
  return "";
}

// Models on their own device that are faster than preprocessing: the most accurate of them costs no throughput.
void add_free_accuracy(const PlanSet& set, std::vector<std::string>& sentences) {
  std::map<std::string, std::vector<const Plan*>> by_preprocessing;  // rendition and fidelity
  for (const Plan* plan : all_plans(set)) {
    if (!plan->predicted || plan->predicted->shares_host_cores || plan->predicted->preprocess <= 0) continue;
    if (plan->predicted->dnn_only >= plan->predicted->preprocess && accuracy_of(*plan) >= 0)
      by_preprocessing[plan->rendition + ", " + plan->fidelity].push_back(plan);
  }
  for (const auto& [name, plans] : by_preprocessing) {
    if (plans.size() < 2) continue;
    const Plan& best = **std::max_element(plans.begin(), plans.end(),
                                          [](const Plan* a, const Plan* b) { return accuracy_of(*a) < accuracy_of(*b); });
    sentences.push_back(
        fmt::format("On {}, {} models are faster than preprocessing ({:.0f} items/s), so their accuracy is free: the most "
                    "accurate is {} "
                    "({}).",
                    name, plans.size(), best.predicted->preprocess, best.model_name, rate_and_accuracy(best)));
  }
}

void add_cost_model_errors(const PlanSet& set, std::vector<std::string>& sentences) {
  std::vector<Plan> plans;
  for (const Plan* plan : all_plans(set)) plans.push_back(*plan);
  const CostModelErrors errors = cost_model_errors(plans);
  if (errors.num_plans == 0) return;
  const auto text = [](const CostModelError& error) {
    return fmt::format("{:.1f} % (worst {:.1f} %)", 100 * error.mean, 100 * error.worst);
  };
  sentences.push_back(fmt::format(
      "Mean error of the predicted throughput over {} plans that were run: ours {}, the minimum of SMOL's paper {}, the sum "
      "of Tahoma {}, BlazeIt's DNN alone {}.",
      errors.num_plans, text(errors.ours), text(errors.minimum), text(errors.sum), text(errors.dnn_only)));
}

void add_payback(const PlanSet& set, std::vector<std::string>& sentences) {
  const Result<const Plan*> chosen = set.find("");
  if (set.chosen.empty() || !chosen.ok() || set.planning_seconds <= 0) return;
  const std::vector<const Plan*> plans = all_plans(set);
  const auto unplanned = std::find_if(plans.begin(), plans.end(), [&](const Plan* plan) {
    return plan->model_digest == (*chosen)->model_digest && cannot_change_answers(*plan, set.reference_rendition);
  });
  if (unplanned == plans.end() || (*unplanned)->throughput() <= 0) return;
  const double saved_s = 1 / (*unplanned)->throughput() - 1 / (*chosen)->throughput();
  if ((*unplanned)->id == (*chosen)->id || saved_s <= 0) {
    sentences.push_back(
        fmt::format("Planning took {:.0f} s; the chosen plan is what would run unplanned.", set.planning_seconds));
    return;
  }
  sentences.push_back(fmt::format(
      "Planning took {:.0f} s. The chosen plan saves {:.2f} ms an item against {} ({:.0f} items/s), what would run "
      "unplanned: "
      "repaid after {:.0f} items.",
      set.planning_seconds, 1000 * saved_s, (*unplanned)->id, (*unplanned)->throughput(), set.planning_seconds / saved_s));
}

void add_undecided(const PlanSet& set, std::vector<std::string>& sentences) {
  for (const Plan& plan : set.plans) {
    if (!plan.measured) continue;
    if (!plan.measured->undecided_from.empty()) {
      sentences.push_back(fmt::format("Undecided: whether {} is more accurate than {}; the paired difference may be zero.",
                                      plan.id, plan.measured->undecided_from));
    }
    const auto& held_out = plan.measured->held_out_accuracy;
    if (plan.id == set.chosen && held_out && plan.measured->accuracy && held_out->high < plan.measured->accuracy->low) {
      sentences.push_back(
          fmt::format("The chosen plan is worse on items that had no part in the choice: {:.1f} % ({:.1f}-{:.1f}).",
                      100 * held_out->value, 100 * held_out->low, 100 * held_out->high));
    }
  }
}

}  // namespace

std::vector<std::string> findings(const PlanSet& set) {
  std::vector<std::string> sentences;
  for (const Plan& point : set.plans) {
    if (accuracy_of(point) < 0) continue;
    if (std::string sentence = dominance_of(point, set); !sentence.empty()) sentences.push_back(std::move(sentence));
  }
  add_free_accuracy(set, sentences);
  add_undecided(set, sentences);
  add_cost_model_errors(set, sentences);
  add_payback(set, sentences);
  return sentences;
}

}  // namespace smol
