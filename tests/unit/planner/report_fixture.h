#pragma once
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "planner/report/report.h"

namespace smol::test {

/// A plan that ran at `rate` with `accuracy` +- 0.05.
inline Plan plan_at(const std::string& id, double rate, double accuracy) {
  Plan plan;
  plan.id = id;
  plan.model = "models/net.yaml";
  plan.model_name = "net";
  plan.measured = PlanMeasurement{};
  plan.measured->throughput = {rate, rate * 0.99, rate * 1.01};
  plan.measured->accuracy = Estimate{accuracy, accuracy - 0.05, accuracy + 0.05};
  plan.measured->num_items = 100;
  return plan;
}

inline Plan predicted_plan(const std::string& id, double measured, double ours, double minimum, double sum,
                           double dnn_only) {
  Plan plan = plan_at(id, measured, 0.5);
  plan.predicted = PlanPrediction{};
  plan.predicted->throughput = ours;
  plan.predicted->minimum = minimum;
  plan.predicted->sum = sum;
  plan.predicted->dnn_only = dnn_only;
  plan.predicted->bottleneck = "host cores";
  return plan;
}

inline ReportInput report_of(std::vector<Plan> frontier, std::vector<Plan> dominated = {}) {
  ReportInput input;
  input.plans.dataset = "photos.yaml";
  input.plans.accuracy_kind = "labels";
  input.plans.plans = std::move(frontier);
  input.plans.dominated = std::move(dominated);
  return input;
}

/// What stands between two headings, or after the last.
inline std::string section_of(const std::string& html, const std::string& heading) {
  const std::size_t start = html.find("<h2>" + heading);
  if (start == std::string::npos) return "";
  const std::size_t end = html.find("<h2>", start + 1);
  return html.substr(start, end == std::string::npos ? end : end - start);
}

/// The drawings for screens and paper of one section.
inline std::string wide_drawing(const std::string& html, const std::string& heading) {
  const std::string section = section_of(html, heading);
  const std::size_t start = section.find("class=\"wide\"");
  if (start == std::string::npos) return "";
  return section.substr(start, section.find("</svg>", start) - start);
}

struct Mark {
  std::string id, css;
  double x = 0, y = 0;
};
inline std::vector<Mark> marks_of(const std::string& svg) {
  static const std::regex kMark(
      R"re(<g class="mark ([^"]*)" data-plan="([^"]*)" transform="translate\(([-0-9.]+) ([-0-9.]+)\)")re");
  std::vector<Mark> marks;
  for (std::sregex_iterator it(svg.begin(), svg.end(), kMark), end; it != end; ++it)
    marks.push_back({(*it)[2], (*it)[1], std::stod((*it)[3]), std::stod((*it)[4])});
  return marks;
}
inline Mark mark_of(const std::string& svg, const std::string& id) {
  for (const Mark& mark : marks_of(svg)) {
    if (mark.id == id) return mark;
  }
  throw std::runtime_error("no mark of " + id);
}

/// Attribute values of all elements whose start tag matches `tag`.
inline std::vector<double> numbers_of(const std::string& svg, const std::string& tag, const std::string& attribute) {
  const std::regex element("<" + tag + "[^>]*>"), value(" " + attribute + "=\"([-0-9.]+)\"");
  std::vector<double> numbers;
  for (std::sregex_iterator it(svg.begin(), svg.end(), element), end; it != end; ++it) {
    std::smatch match;
    const std::string start_tag = it->str();
    if (std::regex_search(start_tag, match, value)) numbers.push_back(std::stod(match[1]));
  }
  return numbers;
}

/// Empty when every element is closed in order, attributes are quoted and no stray < or & is left; else what is wrong. The
/// Python tests parse whole reports with an XML parser; this one is for many small ones.
inline std::string markup_problem(std::string_view html) {
  std::vector<std::string> open;
  std::size_t at = html.find("<html");
  while (at < html.size()) {
    if (html[at] == '&') {
      const std::size_t end = html.find(';', at);
      const std::string_view name = html.substr(at + 1, end == std::string_view::npos ? 0 : end - at - 1);
      if (name != "lt" && name != "gt" && name != "amp" && name != "quot" && name != "#39")
        return "stray & before " + std::string(html.substr(at, 20));
    }
    if (html[at] != '<') {
      ++at;
      continue;
    }
    static const std::regex kTag(R"re(^<(/?)([a-z][a-z0-9]*)((?: [a-zA-Z0-9-]+="[^"<]*")*)(/?)>)re", std::regex::optimize);
    std::match_results<std::string_view::const_iterator> match;
    const std::size_t length = html.find('>', at) + 1 - at;  // our attributes escape it
    const std::string_view tag = html.substr(at, length);
    if (!std::regex_search(tag.begin(), tag.end(), match, kTag)) return "no tag: " + std::string(tag.substr(0, 80));
    if (match[1].length() > 0) {
      if (open.empty() || open.back() != match[2].str()) return "closes " + match[2].str();
      open.pop_back();
    } else if (match[4].length() == 0) {
      open.push_back(match[2]);
    }
    at += length;
  }
  return open.empty() ? "" : "open: " + open.back();
}

}  // namespace smol::test
