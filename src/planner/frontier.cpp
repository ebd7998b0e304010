#include "planner/frontier.h"

#include <algorithm>

namespace smol {
namespace {

bool has_accuracy(const Plan& plan) { return plan.measured && plan.measured->accuracy; }
double accuracy_of(const Plan& plan) { return has_accuracy(plan) ? plan.measured->accuracy->value : 0; }
double throughput_of(const Plan& plan) { return plan.throughput(); }

}  // namespace

bool cannot_change_answers(const Plan& plan, std::string_view reference_rendition) {
  return plan.pipeline.label == FidelityLabel::kExact && plan.rendition == reference_rendition &&
         (plan.precision == Precision::kF32 || plan.precision == Precision::kAsStored);
}

FrontierSplit split_frontier(std::vector<Plan> plans, std::string_view reference_rendition) {
  std::stable_sort(plans.begin(), plans.end(), [](const Plan& a, const Plan& b) {
    if (throughput_of(a) != throughput_of(b)) return throughput_of(a) > throughput_of(b);
    return accuracy_of(a) > accuracy_of(b);
  });
  FrontierSplit split;
  double best_accuracy = -1;
  for (Plan& plan : plans) {
    const bool comparable = has_accuracy(plan) || cannot_change_answers(plan, reference_rendition);
    if (comparable && accuracy_of(plan) > best_accuracy) {
      best_accuracy = accuracy_of(plan);
      split.frontier.push_back(std::move(plan));
    } else {
      split.dominated.push_back(std::move(plan));
    }
  }
  return split;
}

}  // namespace smol
