#pragma once
/// What plans look like in the report: one colour a model, one marker a rendition, in all charts and tables.

#include <string>
#include <vector>

#include "planner/report/svg_chart.h"
#include "smol/plan.h"

namespace smol::report {

/// As the report names it; never empty.
[[nodiscard]] std::string model_of(const Plan& plan);
/// It was run end to end; else its throughput is predicted, or not known (0).
[[nodiscard]] bool is_measured(const Plan& plan);
[[nodiscard]] bool has_accuracy(const Plan& plan);
/// "accuracy", or "agreement" where that is what was measured.
[[nodiscard]] std::string accuracy_word(const PlanSet& plans);
/// What pointing at a plan shows: several lines of plain text.
[[nodiscard]] std::string describe(const Plan& plan);

class Look {
 public:
  explicit Look(const PlanSet& plans);

  /// A CSS colour.
  [[nodiscard]] std::string color_of(const Plan& plan) const;
  [[nodiscard]] Shape shape_of(const Plan& plan) const;
  /// A small picture of the plan's mark, for tables. HTML.
  [[nodiscard]] std::string icon(const Plan& plan, bool pale = false) const;
  /// List items that explain colours and markers. HTML.
  [[nodiscard]] std::string legend() const;

 private:
  std::vector<std::string> models_, renditions_;  ///< sorted: adding a plan of a known model changes nothing
};

/// One entry of a legend: a small picture of a mark and what it means. HTML.
[[nodiscard]] std::string legend_entry(Shape shape, std::string_view css, std::string_view color, std::string_view text);
/// A legend around such entries. HTML.
[[nodiscard]] std::string legend_list(const std::string& entries);

}  // namespace smol::report
