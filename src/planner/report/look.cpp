#include "planner/report/look.h"

#include <fmt/format.h>

#include <algorithm>

#include "planner/report/html_text.h"

namespace smol::report {
namespace {

constexpr std::size_t kNumColors = 8;  ///< of the style sheet: --m0 to --m7

std::size_t place_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<std::size_t>(std::lower_bound(names.begin(), names.end(), name) - names.begin());
}

void sort_and_unite(std::vector<std::string>& names) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

std::string color_at(std::size_t place) {
  if (place < kNumColors) return fmt::format("var(--m{})", place);
  return fmt::format("hsl({} 42% 50%)", (place * 137) % 360);  // steps of the golden angle never come back to a hue
}

Shape shape_at(std::size_t place) { return static_cast<Shape>(place % kNumShapes); }

std::string icon_svg(Shape shape, std::string_view css, std::string_view color) {
  return fmt::format(
      "<svg class=\"icon mark {}\" viewBox=\"-9 -9 18 18\" width=\"16\" height=\"16\" aria-hidden=\"true\" "
      "style=\"--c:{}\"><path d=\"{}\"/></svg>",
      css, color, shape_path(shape, 5.5));
}

}  // namespace

std::string model_of(const Plan& plan) {
  if (!plan.model_name.empty()) return plan.model_name;
  return plan.model.empty() ? "(no name)" : plan.model;
}

bool is_measured(const Plan& plan) { return plan.measured && plan.measured->throughput.value > 0; }
bool has_accuracy(const Plan& plan) { return plan.measured && plan.measured->accuracy; }

std::string accuracy_word(const PlanSet& plans) {
  return plans.accuracy_kind.starts_with("agreement") ? "agreement" : "accuracy";
}

std::string describe(const Plan& plan) {
  std::string text = fmt::format("{}\n{}, {} in {}, {}, batch {}", plan.id, model_of(plan), plan.rendition, plan.fidelity,
                                 name_of(plan.precision), plan.shape.batch);
  if (is_measured(plan)) text += fmt::format("\n{} items/s measured", rate_text(plan.measured->throughput.value));
  if (plan.predicted) text += fmt::format("\n{} items/s predicted", rate_text(plan.predicted->throughput));
  if (has_accuracy(plan)) {
    const Estimate& accuracy = *plan.measured->accuracy;
    const std::string interval = percent_interval(accuracy);
    text += fmt::format("\n{} {}{}", plan.measured->agreement ? "agreement" : "accuracy", percent_text(accuracy.value),
                        interval.empty() ? "" : " (" + interval + ")");
  }
  return text + (plan.simulated ? "\nsimulated" : "");
}

Look::Look(const PlanSet& plans) {
  for (const std::vector<Plan>* list : {&plans.plans, &plans.dominated}) {
    for (const Plan& plan : *list) {
      models_.push_back(model_of(plan));
      renditions_.push_back(plan.rendition);
    }
  }
  sort_and_unite(models_);
  sort_and_unite(renditions_);
}

std::string Look::color_of(const Plan& plan) const { return color_at(place_of(models_, model_of(plan))); }
Shape Look::shape_of(const Plan& plan) const { return shape_at(place_of(renditions_, plan.rendition)); }

std::string Look::icon(const Plan& plan, bool pale) const {
  const std::string css = fmt::format("{}{}", is_measured(plan) ? "solid" : "hollow", pale ? " pale" : "");
  return icon_svg(shape_of(plan), css, color_of(plan));
}

std::string Look::legend() const {
  std::string entries;
  for (std::size_t i = 0; i < models_.size(); ++i) entries += legend_entry(Shape::kCircle, "solid", color_at(i), models_[i]);
  for (std::size_t i = 0; i < renditions_.size(); ++i)
    entries += legend_entry(shape_at(i), "solid", "var(--soft)", renditions_[i]);
  return entries;
}

std::string legend_entry(Shape shape, std::string_view css, std::string_view color, std::string_view text) {
  return fmt::format("<li>{}{}</li>", icon_svg(shape, css, color), escape(text));
}

std::string legend_list(const std::string& entries) { return fmt::format("<ul class=\"legend\">{}</ul>\n", entries); }

}  // namespace smol::report
