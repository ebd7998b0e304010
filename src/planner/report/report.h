#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "smol/plan.h"
#include "smol/profile.h"

namespace smol {

struct ReportInput {
  PlanSet plans;
  std::optional<Profile> profile;     ///< of the same machine and dataset
  std::vector<std::string> findings;  ///< sentences
  /// Plan id, and the optimizer's account of how it came to the plan's pipeline (explain()).
  std::vector<std::pair<std::string, std::string>> explanations;
};

/// The planning report: one HTML file that needs nothing else, in light and dark, for screens and paper. Its markup is
/// well-formed XML, too. The same input gives the same bytes. Any text may hold anything: it is escaped.
[[nodiscard]] std::string report_html(const ReportInput& input);

}  // namespace smol
