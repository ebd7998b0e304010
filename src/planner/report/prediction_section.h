#pragma once
/// How well cost models said beforehand what was measured.

#include <string>

#include "smol/plan.h"

namespace smol::report {

/// Predicted against measured throughput of all plans that have both, by four models, and their errors. HTML.
[[nodiscard]] std::string prediction_section(const PlanSet& plans);

}  // namespace smol::report
