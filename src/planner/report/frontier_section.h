#pragma once
/// The plans: throughput against accuracy, and all their figures.

#include <string>

#include "planner/report/look.h"
#include "smol/plan.h"

namespace smol::report {

/// Throughput against accuracy with the frontier's staircase; without any accuracy, throughputs as rows. HTML.
[[nodiscard]] std::string frontier_chart(const PlanSet& plans, const Look& look);
/// The frontier's figures, numbered as in the chart, and the dominated ones', folded. HTML.
[[nodiscard]] std::string plan_tables(const PlanSet& plans, const Look& look);

}  // namespace smol::report
