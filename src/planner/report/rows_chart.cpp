#include "planner/report/rows_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "planner/report/html_text.h"

namespace smol::report {
namespace {

bool is_drawn(const ChartPoint& point) { return point.value > 0 && std::isfinite(point.value); }

Scale scale_of(std::span<const ChartRow> rows, double begin, double end, int max_ticks) {
  std::vector<double> values;
  for (const ChartRow& row : rows) {
    for (const ChartPoint& point : row.points)
      if (is_drawn(point)) values.push_back(point.value);
  }
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  const bool from_zero = values.empty() || *greatest <= Scale::kLogarithmicFrom * *least;
  return Scale::over(values, {begin, end, max_ticks, from_zero});
}

Drawing draw_rows(std::span<const ChartRow> rows, const std::string& axis_title, double width) {
  const bool wide = width > 600;
  std::size_t longest_label = 0, longest_note = 0;
  for (const ChartRow& row : rows) {
    longest_label = std::max(longest_label, num_characters(row.label));
    longest_note = std::max(longest_note, num_characters(row.note));
  }
  // Wide: label, marks, note side by side. Narrow: label and note above the marks.
  constexpr double kFont = 12.5;
  const double per_character = text_width("m", kFont);
  const double label_width = std::min(static_cast<double>(longest_label) * per_character, 0.38 * width);
  const double note_width =
      longest_note == 0 ? 0 : std::min(static_cast<double>(longest_note) * per_character, 0.16 * width) + 14;
  const double left = wide ? label_width + 16 : 10, right = width - (wide ? note_width : 0) - 16;
  const double row_height = wide ? 28 : 46, top = 8, bottom = top + row_height * static_cast<double>(rows.size());
  const Scale x = scale_of(rows, left, right, wide ? 8 : 5);

  Drawing drawing(width, bottom + 46);
  drawing.x_axis(x, top, bottom, x.logarithmic() ? axis_title + " (logarithmic)" : axis_title);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const ChartRow& row = rows[i];
    const double y = top + row_height * (static_cast<double>(i) + (wide ? 0.5 : 0.72));
    const double text_y = wide ? y + 4.5 : y - 15, note_x = width - (wide ? 0 : 10);
    const double label_room = wide ? label_width : width - 30 - note_width;
    drawing.open("row", row.label);
    drawing.text(wide ? label_width : left, text_y,
                 shortened(row.label, static_cast<std::size_t>(label_room / per_character) + 1, true), "label",
                 wide ? Drawing::Anchor::kEnd : Drawing::Anchor::kStart);
    drawing.text(note_x, text_y, shortened(row.note, static_cast<std::size_t>(note_width / per_character)), "tick",
                 Drawing::Anchor::kEnd);
    drawing.close();
    double least = x.high(), greatest = x.low();
    for (const ChartPoint& point : row.points) {
      if (!is_drawn(point)) continue;
      least = std::min(least, point.value);
      greatest = std::max(greatest, point.value);
    }
    if (greatest > least) drawing.line(x.at(least), y, x.at(greatest), y, "link");
    for (const ChartPoint& point : row.points) {
      if (is_drawn(point))
        drawing.mark(x.at(point.value), y, point.shape, 5.5, point.css, point.color, row.label, point.title);
    }
  }
  return drawing;
}

}  // namespace

std::string rows_chart(const std::string& label, const std::string& axis_title, const std::vector<ChartRow>& rows) {
  const std::span<const ChartRow> shown(rows.data(), std::min(rows.size(), kMaxRows));
  std::string html = figure(label, [&](double width) { return draw_rows(shown, axis_title, width); });
  if (rows.size() > shown.size()) {
    html +=
        fmt::format("<p class=\"note\">The first {} are drawn; the tables have all {}.</p>\n", shown.size(), rows.size());
  }
  return html;
}

}  // namespace smol::report
