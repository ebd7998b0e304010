#include "planner/report/prediction_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "planner/report/html_text.h"
#include "planner/report/look.h"
#include "planner/report/svg_chart.h"

namespace smol::report {
namespace {

struct CostModel {
  const char* name;
  const char* what;
  const char* color;
  Shape shape;
  double PlanPrediction::*throughput;
};
constexpr std::array kCostModels{
    CostModel{"ours", "what stages share, with their overlap on this machine", "var(--p0)", Shape::kCircle,
              &PlanPrediction::throughput},
    CostModel{"minimum", "the slower of preprocessing and inference (the SMOL paper)", "var(--p1)", Shape::kTriangle,
              &PlanPrediction::minimum},
    CostModel{"sum", "one after the other (Tahoma)", "var(--p2)", Shape::kDownTriangle, &PlanPrediction::sum},
    CostModel{"DNN only", "inference alone (BlazeIt)", "var(--p3)", Shape::kDiamond, &PlanPrediction::dnn_only}};

bool usable(double rate) { return rate > 0 && std::isfinite(rate); }

double measured_rate(const Plan& plan) { return plan.measured->throughput.value; }

std::vector<const Plan*> plans_with_both(const PlanSet& plans) {
  std::vector<const Plan*> both;
  for (const std::vector<Plan>* list : {&plans.plans, &plans.dominated}) {
    for (const Plan& plan : *list) {
      if (plan.predicted && is_measured(plan) && usable(measured_rate(plan))) both.push_back(&plan);
    }
  }
  return both;
}

/// Of one cost model over the plans that do not belong to its calibration.
struct Errors {
  std::size_t count = 0;
  double mean_absolute = 0, mean = 0;
  double worst = 0;
  const Plan* worst_plan = nullptr;
};

Errors errors_of(const CostModel& model, const std::vector<const Plan*>& plans) {
  Errors errors;
  for (const Plan* plan : plans) {
    const double predicted = (*plan->predicted).*model.throughput;
    if (plan->measured->held_for_calibration || !usable(predicted)) continue;
    const double error = predicted / measured_rate(*plan) - 1;
    ++errors.count;
    errors.mean_absolute += std::abs(error);
    errors.mean += error;
    if (errors.worst_plan == nullptr || std::abs(error) > std::abs(errors.worst)) {
      errors.worst = error;
      errors.worst_plan = plan;
    }
  }
  if (errors.count > 0) {
    errors.mean_absolute /= static_cast<double>(errors.count);
    errors.mean /= static_cast<double>(errors.count);
  }
  return errors;
}

Drawing draw_scatter(const std::vector<const Plan*>& plans, double width) {
  const double left = 52, right = width - 16, top = 34, bottom = top + (right - left) * (width > 500 ? 0.8 : 1);
  std::vector<double> rates;
  for (const Plan* plan : plans) {
    rates.push_back(measured_rate(*plan));
    for (const CostModel& model : kCostModels) {
      if (const double rate = (*plan->predicted).*model.throughput; usable(rate)) rates.push_back(rate);
    }
  }
  const Scale x = Scale::over(rates, {left, right, 6}), y = Scale::over(rates, {bottom, top, 6});
  Drawing drawing(width, bottom + 46);
  drawing.x_axis(x, top, bottom, x.logarithmic() ? "measured, items/s (logarithmic)" : "measured, items/s");
  drawing.y_axis(y, left, right);
  drawing.text(0, 14, "predicted, items/s", "axis-title");
  drawing.line(left, bottom, right, top, "diagonal");
  for (auto model = kCostModels.rbegin(); model != kCostModels.rend(); ++model) {  // ours on top
    for (const Plan* plan : plans) {
      const double predicted = (*plan->predicted).*model->throughput, measured = measured_rate(*plan);
      if (!usable(predicted)) continue;
      const bool calibration = plan->measured->held_for_calibration;
      drawing.mark(x.at(measured), y.at(predicted), model->shape, 5, calibration ? "hollow" : "solid seen-through",
                   model->color, plan->id,
                   fmt::format("{}\n{}: predicted {}, measured {} items/s, {} %{}", plan->id, model->name,
                               rate_text(predicted), rate_text(measured), signed_hundredths(predicted / measured - 1),
                               calibration ? "\nset the overlap: left out of the errors" : ""));
    }
  }
  return drawing;
}

std::string error_table(const std::vector<const Plan*>& plans) {
  Table table("Errors of the cost models", {{"cost model"},
                                            {"mean absolute error", true},
                                            {"mean error", true, "positive: predicts more than was measured"},
                                            {"worst", true},
                                            {"its plan"},
                                            {"plans", true, "without those that set the overlap"}});
  for (const CostModel& model : kCostModels) {
    const Errors errors = errors_of(model, plans);
    const std::string name = two_lines(fmt::format("<b>{}</b>", escape(model.name)), escape(model.what));
    if (errors.count == 0) {
      table.add_row({name, kNoFigure, kNoFigure, kNoFigure, kNoFigure, "0"});
      continue;
    }
    table.add_row({name, percent_text(errors.mean_absolute), signed_hundredths(errors.mean) + "\u00A0%",
                   signed_hundredths(errors.worst) + "\u00A0%",
                   fmt::format("<code>{}</code>", breakable(errors.worst_plan->id)), std::to_string(errors.count)},
                  &model == kCostModels.data() ? "chosen" : "");
  }
  return table.html();
}

}  // namespace

std::string prediction_section(const PlanSet& plans) {
  const std::vector<const Plan*> both = plans_with_both(plans);
  if (both.empty()) return "<p>No plan was both predicted and run end to end.</p>\n";
  const auto num_held = static_cast<std::size_t>(
      std::count_if(both.begin(), both.end(), [](const Plan* plan) { return plan->measured->held_for_calibration; }));
  std::string legend, words = fmt::format("Predicted against measured throughput of {}.", counted(both.size(), "plan"));
  for (const CostModel& model : kCostModels) {
    const Errors errors = errors_of(model, both);
    legend += legend_entry(model.shape, "solid", model.color, model.name);
    if (errors.count > 0)
      words += fmt::format(" Mean absolute error of {}: {}.", model.name, percent_text(errors.mean_absolute));
  }
  if (num_held > 0) legend += legend_entry(Shape::kCircle, "hollow", "var(--soft)", "set the overlap, not scored");
  std::string html =
      "<p>What was predicted before the plans were run, against what they did: on the line is right, above it is "
      "too much.</p>\n" +
      legend_list(legend) + "<div class=\"beside\">\n";
  html += figure(
      words, [&](double width) { return draw_scatter(both, width); }, 560);
  html += "<div>\n" + error_table(both);
  if (num_held > 0)
    html += fmt::format("<p class=\"note\">{} set the overlap of our model and {} left out of all errors.</p>\n",
                        counted(num_held, "plan"), num_held == 1 ? "is" : "are");
  return html + "</div>\n</div>\n";
}

}  // namespace smol::report
