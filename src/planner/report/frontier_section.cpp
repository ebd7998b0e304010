#include "planner/report/frontier_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "planner/report/html_text.h"
#include "planner/report/rows_chart.h"

namespace smol::report {
namespace {

struct Point {
  const Plan* plan = nullptr;
  double rate = 0, accuracy = 0;
  bool on_frontier = false;
  std::size_t number = 0;  ///< row of the frontier's table, from 1
};

/// Positions of the plot's frame.
struct Frame {
  double left, right, top, bottom;
};

std::vector<Point> points_of(const PlanSet& plans) {
  std::vector<Point> points;
  const auto add = [&](const Plan& plan, bool on_frontier, std::size_t number) {
    if (!has_accuracy(plan) || !(plan.throughput() > 0) || !std::isfinite(plan.throughput())) return;
    const double accuracy = plan.measured->accuracy->value;
    if (!(accuracy >= 0 && accuracy <= 1)) return;
    points.push_back({&plan, plan.throughput(), accuracy, on_frontier, number});
  };
  for (const Plan& plan : plans.dominated) add(plan, false, 0);  // drawn first, below the others
  for (std::size_t i = 0; i < plans.plans.size(); ++i) add(plans.plans[i], true, i + 1);
  return points;
}

// For every throughput the best accuracy that some plan has at it or above: a staircase down to the right.
void draw_staircase(Drawing& drawing, std::vector<Point> points, const Scale& x, const Scale& y, const Frame& frame) {
  std::erase_if(points, [](const Point& point) { return !point.on_frontier; });
  if (points.empty()) return;
  std::sort(points.begin(), points.end(), [](const Point& a, const Point& b) { return a.rate > b.rate; });
  double best = points.front().accuracy;
  std::string steps = fmt::format("M{:.1f} {:.1f}", x.at(points.front().rate), y.at(best));
  for (const Point& point : points) {
    if (point.accuracy <= best) continue;
    best = point.accuracy;
    steps += fmt::format("H{:.1f}V{:.1f}", x.at(point.rate), y.at(best));
  }
  steps += fmt::format("H{:.1f}", frame.left);
  drawing.path(fmt::format("{}V{:.1f}H{:.1f}Z", steps, frame.bottom, x.at(points.front().rate)), "reach");
  drawing.path(steps, "staircase");
}

void draw_whiskers(Drawing& drawing, const Point& point, const Scale& x, const Scale& y) {
  const Estimate& accuracy = *point.plan->measured->accuracy;
  const Estimate& rate = point.plan->measured->throughput;
  const double px = x.at(point.rate), py = y.at(point.accuracy);
  const auto inside = [](const Scale& scale, double value) { return std::clamp(value, scale.low(), scale.high()); };
  if (accuracy.high > accuracy.low) {
    const double top = y.at(inside(y, accuracy.high)), bottom = y.at(inside(y, accuracy.low));
    drawing.line(px, top, px, bottom, "whisker");
    drawing.line(px - 3, top, px + 3, top, "whisker");
    drawing.line(px - 3, bottom, px + 3, bottom, "whisker");
  }
  if (rate.low > 0 && rate.high > rate.low)
    drawing.line(x.at(inside(x, rate.low)), py, x.at(inside(x, rate.high)), py, "whisker");
}

struct Box {
  double left, right, top, bottom;
  [[nodiscard]] bool overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

// Beside a mark at (x, y), where nothing is taken.
std::optional<Box> free_place(double x, double y, double width, const std::vector<Box>& taken, const Frame& frame) {
  constexpr double kHeight = 12;
  for (const double distance : {6.0, 12.0}) {
    for (const auto& [right, down] : {std::pair{true, false}, {false, false}, {true, true}, {false, true}}) {
      const double left = right ? x + distance : x - distance - width;
      const double top = down ? y + distance : y - distance - kHeight;
      const Box box{left - 2, left + width + 2, top, top + kHeight};
      const bool inside =
          box.left > frame.left && box.right < frame.right && box.top > frame.top - 8 && box.bottom < frame.bottom;
      if (inside && std::none_of(taken.begin(), taken.end(), [&](const Box& other) { return box.overlaps(other); }))
        return box;
    }
  }
  return std::nullopt;
}

// Numbers beside the marks, where they cover neither marks nor each other; those that find no place are left out.
void draw_numbers(Drawing& drawing, const std::vector<Point>& points, const Scale& x, const Scale& y, const Frame& frame) {
  std::vector<Box> taken;
  for (const Point& point : points) {
    const double px = x.at(point.rate), py = y.at(point.accuracy), half = point.on_frontier ? 7 : 5;
    taken.push_back({px - half, px + half, py - half, py + half});
  }
  for (const Point& point : points) {
    if (!point.on_frontier) continue;
    const std::string number = std::to_string(point.number);
    const std::optional<Box> place =
        free_place(x.at(point.rate), y.at(point.accuracy), text_width(number, 12), taken, frame);
    if (!place) continue;
    taken.push_back(*place);
    drawing.text(place->left + 2, place->bottom - 1.5, number, "number");
  }
}

Drawing draw_frontier(const PlanSet& plans, const Look& look, const std::vector<Point>& points, double width) {
  const bool wide = width > 600;
  const Frame frame{46, width - 16, 34, wide ? 440.0 : 360.0};
  std::vector<double> rates, accuracies;
  for (const Point& point : points) {
    const Estimate& accuracy = *point.plan->measured->accuracy;
    const Estimate& rate = point.plan->measured->throughput;
    rates.push_back(point.rate);
    if (point.on_frontier && rate.low > 0) rates.insert(rates.end(), {rate.low, rate.high});
    for (const double value : {accuracy.low, accuracy.value, accuracy.high}) {
      if (value >= 0 && value <= 1) accuracies.push_back(value);
    }
  }
  std::erase_if(rates, [](double rate) { return !std::isfinite(rate); });
  const Scale x = Scale::over(rates, {frame.left, frame.right, wide ? 12 : 5, false, 0, 1e300, 0.3 * points.front().rate});
  const Scale y = Scale::over(accuracies, {frame.bottom, frame.top, 7, false, 0, 1, 0.15}, true);

  Drawing drawing(width, frame.bottom + 46);
  drawing.x_axis(x, frame.top, frame.bottom, x.logarithmic() ? "items a second (logarithmic)" : "items a second");
  drawing.y_axis(y, frame.left, frame.right, 100);
  drawing.text(0, 14, accuracy_word(plans) + ", %", "axis-title");
  draw_staircase(drawing, points, x, y, frame);
  for (const Point& point : points) {
    const char* pale = point.on_frontier ? "" : " pale";
    drawing.open(fmt::format("whiskers{}", pale));
    draw_whiskers(drawing, point, x, y);
    drawing.close();
  }
  for (const Point& point : points) {
    const Plan& plan = *point.plan;
    if (plan.id == plans.chosen) drawing.circle(x.at(point.rate), y.at(point.accuracy), 12, "ring");
    drawing.mark(x.at(point.rate), y.at(point.accuracy), look.shape_of(plan), point.on_frontier ? 6.5 : 5,
                 fmt::format("{}{}", is_measured(plan) ? "solid" : "hollow", point.on_frontier ? "" : " pale"),
                 look.color_of(plan), plan.id, describe(plan) + (plan.id == plans.chosen ? "\nchosen" : ""));
  }
  draw_numbers(drawing, points, x, y, frame);
  return drawing;
}

std::string frontier_in_words(const PlanSet& plans, const std::vector<Point>& points) {
  std::string text =
      fmt::format("Throughput against {} of {}. The frontier:", accuracy_word(plans), counted(points.size(), "plan"));
  for (const Point& point : points) {
    if (!point.on_frontier) continue;
    text += fmt::format(" {}: {} items a second, {};", point.plan->id, rate_text(point.rate), percent_text(point.accuracy));
  }
  return text;
}

// Which of the chart's conventions occur.
std::string legend_of(const PlanSet& plans, const Look& look, const std::vector<Point>& points) {
  std::string entries = look.legend();
  const auto any = [&](auto condition) { return std::any_of(points.begin(), points.end(), condition); };
  if (any([](const Point& point) { return !point.on_frontier; }))
    entries += legend_entry(Shape::kCircle, "solid pale", "var(--soft)", "dominated");
  if (any([](const Point& point) { return !is_measured(*point.plan); }))
    entries += legend_entry(Shape::kCircle, "hollow", "var(--soft)", "predicted, not run");
  if (any([&](const Point& point) { return point.plan->id == plans.chosen; }))
    entries += legend_entry(Shape::kCircle, "ring-key", "var(--soft)", "chosen");
  return legend_list(entries);
}

// Without an accuracy there is one thing to show.
std::string throughput_rows(const PlanSet& plans, const Look& look) {
  std::vector<ChartRow> rows;
  const auto add = [&](const Plan& plan, bool pale) {
    ChartRow row{plan.id, "", {}};
    row.points.push_back({plan.throughput(), look.shape_of(plan),
                          fmt::format("{}{}", is_measured(plan) ? "solid" : "hollow", pale ? " pale" : ""),
                          look.color_of(plan), describe(plan)});
    if (plan.id == plans.chosen) row.note = "chosen";
    rows.push_back(std::move(row));
  };
  for (const Plan& plan : plans.plans) add(plan, false);
  for (const Plan& plan : plans.dominated) add(plan, true);
  return "<p>No plan's accuracy is known, so plans compete by throughput alone, and only those that cannot change "
         "answers.</p>\n" +
         legend_list(look.legend()) + rows_chart("Throughput of each plan", "items a second", rows);
}

std::string change_cell(const Estimate& change) {
  std::string interval;
  if (change.low != change.high)
    interval = fmt::format("{} to {}", signed_hundredths(change.low), signed_hundredths(change.high));
  return two_lines(signed_hundredths(change.value), interval);
}

std::string estimate_cell(const std::optional<Estimate>& estimate) {
  return estimate ? two_lines(percent_text(estimate->value), percent_interval(*estimate)) : kNoFigure;
}

std::string difference_cell(const Plan& plan) {
  const PlanMeasurement measured = plan.measured.value_or(PlanMeasurement{});
  if (!measured.max_difference && !measured.mean_difference)
    return plan.pipeline.label == FidelityLabel::kExact && !plan.model.empty() ? "none" : kNoFigure;
  const auto text = [](const std::optional<double>& value) { return value ? amount_text(*value) : std::string(kNoFigure); };
  return text(measured.max_difference) + " / " + text(measured.mean_difference);
}

std::string predicted_cell(const Plan& plan) {
  if (!plan.predicted || !(plan.predicted->throughput > 0)) return kNoFigure;
  std::string error;
  if (is_measured(plan)) {
    error = signed_hundredths(plan.predicted->throughput / plan.measured->throughput.value - 1) + "\u00A0%";
    if (plan.measured->held_for_calibration) error += ", calibration";
  }
  return two_lines(rate_text(plan.predicted->throughput), error);
}

std::string table_of(const PlanSet& plans, const std::vector<Plan>& list, const Look& look, bool numbered) {
  const std::string word = accuracy_word(plans);
  Table table(numbered ? "The frontier, fastest first" : "Dominated plans, fastest first",
              {{"", true},
               {"plan", false, "below its model, rendition, fidelity, precision and batch"},
               {"items/s", true, "measured end to end on all cores, median; below the range of the repeats"},
               {"predicted", true, "items a second by our cost model; below its error"},
               {word, true, "on the calibration sample; below the 95 % interval"},
               {"held-out", true, "on items that had no part in the choice; below the 95 % interval"},
               {"change", true, "points of " + word + " against the same model's exact plan, on the same items"},
               {"pixels differ", true, "the DNN's input from the exact one: greatest / mean, in steps of 1/255"},
               {"bottleneck", false, "the resource with the greatest predicted demand"}});
  for (std::size_t i = 0; i < list.size(); ++i) {
    const Plan& plan = list[i];
    const PlanMeasurement measured = plan.measured.value_or(PlanMeasurement{});
    const bool chosen = plan.id == plans.chosen;
    const std::string number = numbered ? std::to_string(i + 1) + " " : "";
    const std::string pills = fmt::format("{}{}", chosen ? " <span class=\"pill\">chosen</span>" : "",
                                          plan.simulated ? " <span class=\"pill simulated\">simulated</span>" : "");
    const std::string what =
        fmt::format("{} · {} · {} · {} · batch {}", breakable(model_of(plan)), breakable(plan.rendition),
                    escape(plan.fidelity), name_of(plan.precision), plan.shape.batch);
    table.add_row(
        {fmt::format("<span class=\"key\">{}{}</span>", number, look.icon(plan, !numbered)),
         two_lines(fmt::format("<code>{}</code>{}", breakable(plan.id), pills), what),
         is_measured(plan) ? two_lines(rate_text(measured.throughput.value), rate_interval(measured.throughput)) : kNoFigure,
         predicted_cell(plan), estimate_cell(measured.accuracy), estimate_cell(measured.held_out_accuracy),
         measured.accuracy_change ? change_cell(*measured.accuracy_change) : kNoFigure, difference_cell(plan),
         plan.predicted && !plan.predicted->bottleneck.empty() ? escape(plan.predicted->bottleneck) : kNoFigure},
        chosen ? "chosen" : "");
  }
  return table.html();
}

}  // namespace

std::string frontier_chart(const PlanSet& plans, const Look& look) {
  const std::vector<Point> points = points_of(plans);
  if (points.empty()) return throughput_rows(plans, look);
  std::string html = legend_of(plans, look, points);
  html += figure(frontier_in_words(plans, points), [&](double width) { return draw_frontier(plans, look, points, width); });
  const std::size_t missing = plans.plans.size() + plans.dominated.size() - points.size();
  if (missing > 0)
    html += fmt::format("<p class=\"note\">Not drawn, for want of an accuracy or a throughput: {}.</p>\n",
                        counted(missing, "plan"));
  return html;
}

std::string plan_tables(const PlanSet& plans, const Look& look) {
  std::string html = table_of(plans, plans.plans, look, true);
  if (plans.dominated.empty()) return html;
  return html + fmt::format(
                    "<details><summary>{}: another is at least as good in both, or accuracy was not comparable"
                    "</summary>\n{}</details>\n",
                    counted(plans.dominated.size(), "more plan"), table_of(plans, plans.dominated, look, false));
}

}  // namespace smol::report
