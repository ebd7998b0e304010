#include "planner/frontier.h"

#include <fmt/format.h>

#include <algorithm>

namespace smol {
namespace {

bool has_accuracy(const Plan& plan) { return plan.measured && plan.measured->accuracy; }
double accuracy_of(const Plan& plan) { return has_accuracy(plan) ? plan.measured->accuracy->value : 0; }
double throughput_of(const Plan& plan) { return plan.measured ? plan.measured->throughput.value : 0; }

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

Result<std::string> choose_plan(const std::vector<Plan>& frontier, std::optional<double> min_accuracy,
                                std::optional<double> min_throughput) {
  if (frontier.empty()) return Error{ErrorCode::kInvalidArgument, "there is no plan to choose from"};
  const Plan& fastest = frontier.front();
  const Plan& most_accurate = frontier.back();
  if (min_throughput && throughput_of(fastest) < *min_throughput) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no plan reaches {:g} items/s; the fastest is {} with {:.1f} items/s, accuracy {:.3f}",
                             *min_throughput, fastest.id, throughput_of(fastest), accuracy_of(fastest))};
  }
  if (min_accuracy && !has_accuracy(most_accurate)) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("no plan's accuracy could be measured, so none can be asked for; leave out the least accuracy: {}",
                    *min_accuracy)};
  }
  if (min_accuracy && accuracy_of(most_accurate) < *min_accuracy) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("no plan reaches accuracy {:g}; the most accurate is {} with {:.3f} at {:.1f} items/s",
                             *min_accuracy, most_accurate.id, accuracy_of(most_accurate), throughput_of(most_accurate))};
  }
  // The frontier is ordered by falling throughput and rising accuracy.
  if (min_accuracy) {
    const auto first =
        std::find_if(frontier.begin(), frontier.end(), [&](const Plan& p) { return accuracy_of(p) >= *min_accuracy; });
    if (min_throughput && throughput_of(*first) < *min_throughput) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("no plan reaches accuracy {:g} and {:g} items/s together; the fastest accurate enough is {} "
                               "with {:.1f} items/s",
                               *min_accuracy, *min_throughput, first->id, throughput_of(*first))};
    }
    return first->id;
  }
  if (min_throughput) {
    const auto last =
        std::find_if(frontier.rbegin(), frontier.rend(), [&](const Plan& p) { return throughput_of(p) >= *min_throughput; });
    return last->id;
  }
  return fastest.id;
}

}  // namespace smol
