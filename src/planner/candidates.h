#pragma once
#include <string>
#include <vector>

#include "planner/calibration.h"
#include "smol/plan.h"
#include "smol/session.h"

namespace smol {

/// The plans that are worth measuring for one model on one rendition: one for each fidelity that the optimizer offers, in
/// each precision. `card_path` is stored in the plan. The batch is left at 1.
[[nodiscard]] Result<std::vector<Plan>> make_candidates(const Runtime& runtime, const ModelCard& card,
                                                        const std::string& card_path, const std::string& rendition,
                                                        const RenditionFacts& facts, const PlanOptions& options);

}  // namespace smol
