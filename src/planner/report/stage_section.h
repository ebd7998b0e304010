#pragma once
/// Where the time of an item goes: stages, and what cores and device do with them.

#include <string>

#include "planner/report/look.h"
#include "smol/plan.h"
#include "smol/profile.h"

namespace smol::report {

/// Each preprocessing step on its own, the fused pipeline, inference: microseconds an item by rendition and model. HTML.
[[nodiscard]] std::string stage_breakdown(const Profile* profile);
/// Preprocessing alone, inference alone and both of each plan on the frontier, and the rates by stage. HTML.
[[nodiscard]] std::string stage_rates(const PlanSet& plans, const Profile* profile);

}  // namespace smol::report
