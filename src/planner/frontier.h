#pragma once
#include <optional>
#include <string>
#include <vector>

#include "smol/plan.h"
#include "smol/result.h"

namespace smol {

/// Splits measured plans into the Pareto frontier (throughput, accuracy), fastest first, and the rest, fastest first.
/// Plans without an accuracy compete by throughput alone.
struct FrontierSplit {
  std::vector<Plan> frontier, dominated;
};
[[nodiscard]] FrontierSplit split_frontier(std::vector<Plan> plans);

/// The fastest plan whose accuracy is at least `min_accuracy`, or the most accurate whose throughput is at least
/// `min_throughput` (both: the fastest that meets both; none: the fastest). kInvalidArgument names the nearest feasible
/// value.
[[nodiscard]] Result<std::string> choose_plan(const std::vector<Plan>& frontier, std::optional<double> min_accuracy,
                                              std::optional<double> min_throughput);

}  // namespace smol
