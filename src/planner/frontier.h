#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "smol/plan.h"

namespace smol {

/// Splits plans, measured or predicted, into the Pareto frontier (throughput, accuracy), fastest first, and the rest,
/// fastest first. Plans without an accuracy compete by throughput alone, and only if cannot_change_answers(); the others are
/// not comparable and among the rest.
struct FrontierSplit {
  std::vector<Plan> frontier, dominated;
};
[[nodiscard]] FrontierSplit split_frontier(std::vector<Plan> plans, std::string_view reference_rendition);

/// Whether a plan gives its model's own answers: exact preprocessing of the reference rendition, in f32 or as stored.
[[nodiscard]] bool cannot_change_answers(const Plan& plan, std::string_view reference_rendition);

}  // namespace smol
