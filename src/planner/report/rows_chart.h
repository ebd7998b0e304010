#pragma once
#include <string>
#include <vector>

#include "planner/report/svg_chart.h"

namespace smol::report {

struct ChartPoint {
  double value = 0;  ///< not drawn unless positive and finite
  Shape shape = Shape::kCircle;
  std::string css, color, title;
};
struct ChartRow {
  std::string label;  ///< a plan's id
  std::string note;   ///< at the right end
  std::vector<ChartPoint> points;
};

/// Rows of marks over a common axis, at most kMaxRows of them; says how many there are more. HTML.
inline constexpr std::size_t kMaxRows = 40;
[[nodiscard]] std::string rows_chart(const std::string& label, const std::string& axis_title,
                                     const std::vector<ChartRow>& rows);

}  // namespace smol::report
