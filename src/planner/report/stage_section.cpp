#include "planner/report/stage_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/statistics.h"
#include "planner/report/html_text.h"
#include "planner/report/rows_chart.h"

namespace smol::report {
namespace {

using Breakdown = Profile::Breakdown;

struct StagePart {
  const char* name;
  const char* color;  ///< of the style sheet
  double Breakdown::*us;
};
/// Rows of bars: each on its own, fused, inference.
constexpr std::array kSteps{StagePart{"read", "--s0", &Breakdown::read_us},
                            StagePart{"decode", "--s1", &Breakdown::decode_us},
                            StagePart{"resize + crop", "--s2", &Breakdown::resize_crop_us},
                            StagePart{"convert + normalise", "--s3", &Breakdown::convert_normalize_us},
                            StagePart{"layout", "--s4", &Breakdown::layout_us}};
constexpr std::array kFused{StagePart{"fused: decode to layout in one pass", "--s5", &Breakdown::fused_us}};
constexpr std::array kInference{StagePart{"inference", "--s6", &Breakdown::infer_us},
                                StagePart{"transfer", "--s7", &Breakdown::transfer_us}};

double amount(const Breakdown& entry, const StagePart& part) {
  const double us = entry.*part.us;
  return us > 0 && std::isfinite(us) ? us : 0;
}

template <std::size_t N>
double total(const Breakdown& entry, const std::array<StagePart, N>& parts) {
  double sum = 0;
  for (const StagePart& part : parts) sum += amount(entry, part);
  return sum;
}

/// One row of bars with its sum behind it.
template <std::size_t N>
void draw_bar(Drawing& drawing, const Breakdown& entry, const std::array<StagePart, N>& parts, const char* name,
              const Scale& x, double y) {
  constexpr double kHeight = 14;
  drawing.text(x.at(0) - 8, y + 11, name, "tick", Drawing::Anchor::kEnd);
  double start = 0;
  for (const StagePart& part : parts) {
    const double us = amount(entry, part);
    if (us == 0) continue;
    drawing.open("bar", fmt::format("{}, {}\n{}: {} µs", entry.model, entry.rendition, part.name, amount_text(us)));
    // A hair of room between neighbours, unless there is nothing to cut it from.
    const double from = x.at(start), width = x.at(start + us) - from;
    drawing.rect(from, y, width > 3 ? width - 1 : width, kHeight, "", fmt::format("fill:var({})", part.color));
    drawing.close();
    start += us;
  }
  drawing.text(x.at(start) + 6, y + 11, start > 0 ? amount_text(start) : std::string(kNoFigure), "value");
}

Drawing draw_breakdown(const std::vector<Breakdown>& entries, double width) {
  const bool wide = width > 600;
  double longest = 0;
  std::size_t longest_name = 0;
  for (const Breakdown& entry : entries) {
    longest = std::max({longest, total(entry, kSteps), total(entry, kFused), total(entry, kInference)});
    longest_name = std::max({longest_name, num_characters(entry.model), num_characters(entry.rendition)});
  }
  const double name_width = wide ? std::min(text_width("m", 13) * static_cast<double>(longest_name), 0.25 * width) + 16 : 0;
  const double left = name_width + 70, group_height = wide ? 68 : 86, top = 4;
  const double bottom = top + group_height * static_cast<double>(entries.size());
  const Scale x = Scale::over({0, longest}, {left, width - 60, wide ? 9 : 4, true}, true);

  Drawing drawing(width, bottom + 46);
  drawing.x_axis(x, top, bottom, "microseconds an item");
  const auto limit = static_cast<std::size_t>((wide ? name_width - 16 : 0.45 * width) / text_width("m", 13)) + 1;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Breakdown& entry = entries[i];
    double y = top + group_height * static_cast<double>(i) + 8;
    drawing.open("group", fmt::format("{}, {}", entry.model, entry.rendition));
    if (wide) {
      drawing.text(0, y + 18, shortened(entry.model, limit), "label");
      drawing.text(0, y + 35, shortened(entry.rendition, limit), "tick");
    } else {
      drawing.text(0, y + 10, shortened(entry.model, limit), "label");
      drawing.text(width, y + 10, shortened(entry.rendition, limit), "tick", Drawing::Anchor::kEnd);
      y += 18;
    }
    drawing.close();
    draw_bar(drawing, entry, kSteps, "each step", x, y);
    draw_bar(drawing, entry, kFused, "fused", x, y + 18);
    draw_bar(drawing, entry, kInference, "DNN", x, y + 36);
    if (i > 0)
      drawing.line(0, top + group_height * static_cast<double>(i), width, top + group_height * static_cast<double>(i),
                   "rule");
  }
  return drawing;
}

std::string breakdown_in_words(const std::vector<Breakdown>& entries) {
  std::string text = "Microseconds an item by stage.";
  for (const Breakdown& entry : entries) {
    text += fmt::format(" {} over {}: steps {}, fused {}, inference {}.", entry.model, entry.rendition,
                        amount_text(total(entry, kSteps)), amount_text(entry.fused_us), amount_text(entry.infer_us));
  }
  return text;
}

std::string breakdown_table(const std::vector<Breakdown>& entries) {
  std::vector<Table::Column> columns{{"model"}, {"rendition"}};
  const auto add_columns = [&](const auto& parts) {
    for (const StagePart& part : parts) columns.push_back({part.name, true});
  };
  add_columns(kSteps);
  columns.push_back({"fused", true});
  add_columns(kInference);
  Table table("Microseconds an item by stage", columns);
  for (const Breakdown& entry : entries) {
    std::vector<std::string> cells{breakable(entry.model), escape(entry.rendition)};
    const auto add_cells = [&](const auto& parts) {
      for (const StagePart& part : parts) cells.push_back(rate_text(amount(entry, part)));
    };
    add_cells(kSteps);
    add_cells(kFused);
    add_cells(kInference);
    table.add_row(cells);
  }
  return fmt::format("<details><summary>The same in figures, microseconds</summary>\n{}</details>\n", table.html());
}

std::string samples_cell(const std::vector<double>& samples) {
  return two_lines(rate_text(median(samples)), rate_interval({median(samples), quantile(samples, 0), quantile(samples, 1)}));
}

std::string rates_tables(const Profile& profile) {
  std::string html;
  if (!profile.preprocess.empty()) {
    Table table(
        "Preprocessing by itself",
        {{"rendition"}, {"fidelity"}, {"for model"}, {"items/s", true}, {"one item, µs", true}, {"bytes to the DNN", true}});
    for (const Profile::Preprocess& entry : profile.preprocess) {
      table.add_row({escape(entry.rendition), escape(entry.fidelity), entry.model.empty() ? "all" : breakable(entry.model),
                     samples_cell(entry.items_per_s), rate_text(entry.latency_us), rate_text(entry.transfer_bytes)});
    }
    html += "<h3>Reading, decoding and preprocessing alone</h3>\n" + table.html();
  }
  if (!profile.inference.empty()) {
    Table table("Inference by itself", {{"model"},
                                        {"backend"},
                                        {"precision"},
                                        {"batch", true},
                                        {"items/s", true},
                                        {"one batch, µs", true},
                                        {"link, µs an item", true},
                                        {"device, µs an item", true},
                                        {"operators on the device"}});
    for (const Profile::Inference& entry : profile.inference) {
      table.add_row({breakable(entry.model), escape(entry.backend), escape(name_of(entry.precision)),
                     std::to_string(entry.batch), samples_cell(entry.items_per_s), rate_text(entry.latency_us),
                     rate_text(entry.transfer_us), rate_text(entry.compute_us),
                     entry.device_operators.empty() ? "none" : escape(entry.device_operators)});
    }
    html += "<h3>Inference alone</h3>\n" + table.html();
  }
  return html.empty()
             ? ""
             : "<details><summary>Rates by stage, median and range of the samples</summary>\n" + html + "</details>\n";
}

}  // namespace

std::string stage_breakdown(const Profile* profile) {
  if (profile == nullptr || profile->breakdown.empty())
    return "<p>Not known: stages are timed while a profile is made, and there is none here with them.</p>\n";
  std::string legend;
  const auto add = [&](const auto& parts) {
    for (const StagePart& part : parts) {
      const auto occurs = [&](const Breakdown& entry) { return amount(entry, part) > 0; };
      if (std::any_of(profile->breakdown.begin(), profile->breakdown.end(), occurs))
        legend += legend_entry(Shape::kSquare, "solid", fmt::format("var({})", part.color), part.name);
    }
  };
  add(kSteps);
  add(kFused);
  add(kInference);
  return "<p>Preprocessing on <em>one</em> thread: each step alone over whole pictures, and below it the fused pipeline "
         "that "
         "plans run, with region decoding. Inference with <em>all</em> cores.</p>\n" +
         legend_list(legend) +
         figure(breakdown_in_words(profile->breakdown),
                [&](double width) { return draw_breakdown(profile->breakdown, width); }) +
         breakdown_table(profile->breakdown);
}

std::string stage_rates(const PlanSet& plans, const Profile* profile) {
  constexpr const char *kPreprocess = "var(--s5)", *kInfer = "var(--s6)", *kTogether = "var(--ink)";
  std::vector<ChartRow> rows;
  bool known = false, any_measured = false, any_predicted = false, any_bottleneck = false;
  for (const Plan& plan : plans.plans) {
    const PlanMeasurement measured = plan.measured.value_or(PlanMeasurement{});
    ChartRow row{plan.id, plan.predicted ? plan.predicted->bottleneck : "", {}};
    const auto add = [&](double rate, Shape shape, const char* css, const char* color, const char* what) {
      row.points.push_back({rate, shape, css, color, fmt::format("{}\n{}: {} items/s", plan.id, what, rate_text(rate))});
    };
    add(measured.preprocess_throughput, Shape::kSquare, "solid", kPreprocess, "preprocessing alone");
    add(measured.infer_throughput, Shape::kDiamond, "solid", kInfer, "inference alone");
    if (is_measured(plan)) {
      add(measured.throughput.value, Shape::kCircle, "solid", kTogether, "both, measured end to end");
    } else {
      add(plan.throughput(), Shape::kCircle, "hollow", kTogether, "both, predicted");
    }
    known = known || measured.preprocess_throughput > 0 || measured.infer_throughput > 0;
    (is_measured(plan) ? any_measured : any_predicted) = true;
    any_bottleneck = any_bottleneck || !row.note.empty();
    rows.push_back(std::move(row));
  }
  const std::string tables = profile != nullptr ? rates_tables(*profile) : "";
  if (!known) return "<p>Neither preprocessing nor inference was measured alone.</p>\n" + tables;
  std::string legend = legend_entry(Shape::kSquare, "solid", kPreprocess, "preprocessing alone") +
                       legend_entry(Shape::kDiamond, "solid", kInfer, "inference alone");
  if (any_measured) legend += legend_entry(Shape::kCircle, "solid", kTogether, "both together, end to end");
  if (any_predicted) legend += legend_entry(Shape::kCircle, "hollow", kTogether, "both together, predicted");
  return fmt::format(
             "<p>Each with the whole machine{}. The slower one bounds both together; where they share cores, both together "
             "are slower than either.</p>\n",
             any_bottleneck ? "; at the right the bottleneck" : "") +
         legend_list(legend) +
         rows_chart("Preprocessing alone, inference alone and both together of each plan on the frontier", "items a second",
                    rows) +
         tables;
}

}  // namespace smol::report
