#include "planner/report/svg_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "planner/report/html_text.h"

namespace smol::report {
namespace {

constexpr double kFontSize = 12.5;

// Multiples of the finest round step that gives at most `max_ticks`.
std::vector<double> linear_ticks(double low, double high, int max_ticks) {
  const double unit = std::pow(10.0, std::floor(std::log10((high - low) / max_ticks)));
  const double slack = 1e-9;  // of a step, for bounds that are ticks themselves
  for (const double factor : {1.0, 2.0, 5.0, 10.0, 20.0}) {
    const double step = factor * unit;
    const double first = std::ceil(low / step - slack), last = std::floor(high / step + slack);
    if (last - first + 1 > max_ticks) continue;
    std::vector<double> ticks;
    // Counted, not summed: 0.1 added ten times is not 1.
    for (int i = 0; first + i <= last; ++i) ticks.push_back(first + i == 0 ? 0 : (first + i) * step);
    return ticks;
  }
  return {};
}

std::vector<double> logarithmic_ticks(double low, double high, int max_ticks) {
  const int first = static_cast<int>(std::floor(std::log10(low))), last = static_cast<int>(std::ceil(std::log10(high)));
  const auto with = [&](const std::vector<double>& factors, int stride) {
    std::vector<double> ticks;
    for (int power = first; power <= last; power += stride) {
      for (const double factor : factors) {
        const double tick = factor * std::pow(10.0, power);
        if (tick >= low && tick <= high) ticks.push_back(tick);
      }
    }
    return ticks;
  };
  for (const auto& factors : {std::vector<double>{1, 2, 5}, {1, 3}, {1}}) {
    std::vector<double> ticks = with(factors, 1);
    if (static_cast<int>(ticks.size()) <= max_ticks) return ticks;
  }
  return with({1}, (last - first) / std::max(max_ticks, 1) + 1);
}

using Corners = std::vector<std::pair<double, double>>;

// Corners on a circle, beginning at `turn` (0: right, a quarter: down), alternating with those of an inner one if there is
// any.
Corners corners_on_circle(int count, double radius, double turn, double inner_radius = 0) {
  Corners corners;
  const int total = inner_radius > 0 ? 2 * count : count;
  for (int i = 0; i < total; ++i) {
    const double angle = 2 * std::numbers::pi * (turn + static_cast<double>(i) / total);
    const double r = inner_radius > 0 && i % 2 == 1 ? inner_radius : radius;
    corners.emplace_back(r * std::cos(angle), r * std::sin(angle));
  }
  return corners;
}

std::string polygon_path(const Corners& corners) {
  std::string data;
  for (const auto& [x, y] : corners) data += fmt::format("{}{:.2f} {:.2f}", data.empty() ? "M" : "L", x, y);
  return data + "Z";
}

Corners plus_corners(double arm, double half) {
  return {{-half, -arm}, {half, -arm}, {half, -half}, {arm, -half}, {arm, half},   {half, half},
          {half, arm},   {-half, arm}, {-half, half}, {-arm, half}, {-arm, -half}, {-half, -half}};
}

std::string class_of(std::string_view css) { return css.empty() ? "" : fmt::format(" class=\"{}\"", css); }
std::string style_of(std::string_view style) { return style.empty() ? "" : fmt::format(" style=\"{}\"", style); }

}  // namespace

Scale Scale::over(const std::vector<double>& values, const Options& options, bool linear) {
  Scale scale;
  scale.begin_ = options.begin;
  scale.end_ = options.end;
  double low = values.empty() ? 0 : *std::min_element(values.begin(), values.end());
  double high = values.empty() ? 1 : *std::max_element(values.begin(), values.end());
  scale.logarithmic_ = !linear && !options.from_zero && low > 0 && high > kLogarithmicFrom * low;
  if (scale.logarithmic_) {
    const double margin = std::pow(high / low, 0.06);
    scale.low_ = std::max(low / margin, 1e-307);  // what is not zero
    scale.high_ = std::min(high * margin, 1e307);
    scale.ticks_ = logarithmic_ticks(scale.low_, scale.high_, options.max_ticks);
    return scale;
  }
  if (options.from_zero) low = std::min(low, 0.0);
  const double least_range = options.least_range > 0 ? options.least_range : high != 0 ? 0.02 * std::abs(high) : 1;
  const double margin = std::max(0.07 * (high - low), 0.5 * (least_range - (high - low)));
  scale.low_ = options.from_zero && low == 0 ? 0 : std::max(low - margin, options.minimum);
  scale.high_ = std::min(high + margin, options.maximum);
  if (scale.high_ <= scale.low_) scale.high_ = scale.low_ + 1;
  scale.ticks_ = linear_ticks(scale.low_, scale.high_, options.max_ticks);
  return scale;
}

double Scale::at(double value) const {
  const double part = logarithmic_ ? (std::log(value) - std::log(low_)) / (std::log(high_) - std::log(low_))
                                   : (value - low_) / (high_ - low_);
  return begin_ + part * (end_ - begin_);
}

std::string shape_path(Shape shape, double radius) {
  // Circumscribed radii that give each shape the area of the circle.
  const double r = radius;
  switch (shape) {
    case Shape::kSquare:
      return polygon_path(corners_on_circle(4, 1.253 * r, 0.125));
    case Shape::kTriangle:
      return polygon_path(corners_on_circle(3, 1.45 * r, 0.75));
    case Shape::kDiamond:
      return polygon_path(corners_on_circle(4, 1.253 * r, 0));
    case Shape::kDownTriangle:
      return polygon_path(corners_on_circle(3, 1.45 * r, 0.25));
    case Shape::kPlus:
      return polygon_path(plus_corners(1.19 * r, 0.4 * r));
    case Shape::kStar:
      return polygon_path(corners_on_circle(5, 1.5 * r, 0.75, 0.72 * r));
    case Shape::kHexagon:
      return polygon_path(corners_on_circle(6, 1.1 * r, 0));
    case Shape::kCircle:
      break;
  }
  return fmt::format("M-{0:.2f} 0a{0:.2f} {0:.2f} 0 1 0 {1:.2f} 0a{0:.2f} {0:.2f} 0 1 0 -{1:.2f} 0Z", r, 2 * r);
}

void Drawing::line(double x1, double y1, double x2, double y2, std::string_view css) {
  body_ += fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\"{}/>\n", x1, y1, x2, y2, class_of(css));
}

void Drawing::rect(double x, double y, double width, double height, std::string_view css, std::string_view style) {
  body_ += fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"{}{}/>\n", x, y,
                       std::max(width, 0.0), height, class_of(css), style_of(style));
}

void Drawing::circle(double x, double y, double radius, std::string_view css) {
  body_ += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"{}/>\n", x, y, radius, class_of(css));
}

void Drawing::path(std::string_view data, std::string_view css) {
  body_ += fmt::format("<path d=\"{}\"{}/>\n", data, class_of(css));
}

void Drawing::text(double x, double y, std::string_view text, std::string_view css, Anchor anchor) {
  const char* where = anchor == Anchor::kMiddle ? " text-anchor=\"middle\""
                      : anchor == Anchor::kEnd  ? " text-anchor=\"end\""
                                                : "";
  body_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\"{}{}>{}</text>\n", x, y, where, class_of(css), escape(text));
}

void Drawing::mark(double x, double y, Shape shape, double radius, std::string_view css, std::string_view color,
                   std::string_view id, std::string_view title) {
  body_ += fmt::format(
      "<g class=\"mark {}\" data-plan=\"{}\" transform=\"translate({:.1f} {:.1f})\" style=\"--c:{}\">"
      "<title>{}</title><path d=\"{}\"/></g>\n",
      css, escape(id), x, y, color, escape(title), shape_path(shape, radius));
}

void Drawing::open(std::string_view css, std::string_view title, std::string_view style) {
  body_ += fmt::format("<g{}{}>", class_of(css), style_of(style));
  if (!title.empty()) body_ += fmt::format("<title>{}</title>", escape(title));
}

void Drawing::x_axis(const Scale& scale, double top, double bottom, std::string_view title) {
  for (const double tick : scale.ticks()) {
    line(scale.at(tick), top, scale.at(tick), bottom, "grid");
    text(scale.at(tick), bottom + 18, round_text(tick), "tick", Anchor::kMiddle);
  }
  const double left = std::min(scale.at(scale.low()), scale.at(scale.high()));
  const double right = std::max(scale.at(scale.low()), scale.at(scale.high()));
  line(left, bottom, right, bottom, "axis");
  text(right, bottom + 37, title, "axis-title", Anchor::kEnd);
}

void Drawing::y_axis(const Scale& scale, double left, double right, double factor) {
  for (const double tick : scale.ticks()) {
    line(left, scale.at(tick), right, scale.at(tick), "grid");
    text(left - 8, scale.at(tick) + 0.35 * kFontSize, round_text(factor * tick), "tick", Anchor::kEnd);
  }
}

std::string Drawing::svg(std::string_view label, std::string_view css) const {
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{}\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
      "height=\"{:.0f}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
      css, width_, height_, width_, height_, escape(label), body_);
}

double text_width(std::string_view text, double font_size) {
  return 0.62 * font_size * static_cast<double>(num_characters(text));
}

std::string figure(std::string_view label, const std::function<Drawing(double width)>& draw, double wide) {
  return fmt::format("<figure>\n{}{}</figure>\n", draw(wide).svg(label, "wide"), draw(kNarrow).svg(label, "narrow"));
}

}  // namespace smol::report
