#pragma once
#include "smol/session.h"

namespace smol {

/// What a choice is made under, and what it may say about it.
struct SelectionFacts {
  int cores = 0;  ///< that the plans were measured with
  double overlap_exponent = 1;
  double ceiling_per_s = 0;  ///< the fastest preprocessing; 0: not known
  std::string ceiling_name;  ///< its rendition and fidelity
  bool agreement = false;    ///< accuracies are agreement: more items, not labels, would decide
};

/// The chosen plan among `plans` (all that may be chosen, in any order) and why; an empty id when no plan is known to meet
/// the constraints. Of several constraints that cannot be met the first is told of: throughput, latency, cost, accuracy.
struct Selection {
  std::string chosen;
  Decision decision;
};
[[nodiscard]] Selection select(const std::vector<Plan>& plans, const PlanOptions& options, const SelectionFacts& facts);

/// About how many labels, those there are included, bring the lower end of the interval to `wanted` if the estimate stays;
/// 0 when it never does.
[[nodiscard]] std::int64_t labels_needed(double estimate, double wanted);

}  // namespace smol
