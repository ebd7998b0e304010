#include "planner/report/report.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "planner/report/frontier_section.h"
#include "planner/report/html_text.h"
#include "planner/report/look.h"
#include "planner/report/prediction_section.h"
#include "planner/report/stage_section.h"
#include "planner/report/style_sheet.h"

namespace smol {
namespace {

using namespace report;

const Plan* chosen_plan(const PlanSet& plans) {
  for (const std::vector<Plan>* list : {&plans.plans, &plans.dominated}) {
    for (const Plan& plan : *list) {
      if (!plans.chosen.empty() && plan.id == plans.chosen) return &plan;
    }
  }
  return nullptr;
}

bool is_simulated(const ReportInput& input) {
  const auto simulated = [](const Plan& plan) { return plan.simulated; };
  const PlanSet& plans = input.plans;
  return (input.profile && input.profile->simulated) || std::any_of(plans.plans.begin(), plans.plans.end(), simulated) ||
         std::any_of(plans.dominated.begin(), plans.dominated.end(), simulated);
}

std::string dataset_name(const PlanSet& plans) {
  std::string path = plans.dataset;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const std::string name = path.substr(path.find_last_of('/') + 1);
  return name.empty() ? "Planning report" : name;
}

// "2026-11-21T12:24:49Z" as "2026-11-21, 12:24 UTC"; other forms as they are.
std::string date_text(const std::string& date) {
  if (date.size() != 20 || date[10] != 'T' || date.back() != 'Z') return date;
  return fmt::format("{}, {} UTC", date.substr(0, 10), date.substr(11, 5));
}

std::string header(const ReportInput& input) {
  const PlanSet& plans = input.plans;
  std::string about;
  const auto add = [&](const std::string& text) {
    if (!text.empty()) about += fmt::format("<li>{}</li>", escape(text));
  };
  if (plans.dataset != dataset_name(plans)) add(plans.dataset);
  add(plans.machine);
  add(date_text(plans.date));
  add(plans.smol_version.empty() ? "" : "smol " + plans.smol_version);
  return fmt::format(
      "<header>\n<p class=\"eyebrow\">smol planning report{}</p>\n<h1>{}</h1>\n<ul class=\"about\">{}</ul>\n</header>\n",
      is_simulated(input) ? " <span class=\"pill simulated\">simulated</span>" : "", escape(dataset_name(plans)), about);
}

std::string tile(const std::string& name, const std::string& value, const std::string& below) {
  return fmt::format("<div><dt>{}</dt><dd>{}<span class=\"below\">{}</span></dd></div>\n", escape(name), escape(value),
                     escape(below));
}

// "64.9–85.3 % on 64 items"
std::string sample_text(const Estimate& estimate, std::int64_t num_items) {
  std::string interval = percent_interval(estimate);
  if (num_items <= 0) return interval;
  const std::string items = counted(static_cast<std::size_t>(num_items), "item");
  return interval.empty() ? "on " + items : fmt::format("{} (95 %), {}", interval, items);
}

std::string tiles(const Plan& plan, const std::string& word) {
  const PlanMeasurement measured = plan.measured.value_or(PlanMeasurement{});
  std::string html = "<dl class=\"tiles\">\n";
  if (is_measured(plan)) {
    html += tile("items a second", rate_text(measured.throughput.value),
                 fmt::format("{}{}end to end", rate_interval(measured.throughput),
                             rate_interval(measured.throughput).empty() ? "" : ", "));
  } else {
    html += tile("items a second", rate_text(plan.throughput()), "predicted, not run");
  }
  html += measured.accuracy
              ? tile(word, percent_text(measured.accuracy->value), sample_text(*measured.accuracy, measured.num_items))
              : tile(word, kNoFigure, "not known");
  html += measured.held_out_accuracy ? tile("held-out " + word, percent_text(measured.held_out_accuracy->value),
                                            sample_text(*measured.held_out_accuracy, measured.num_held_out))
                                     : tile("held-out " + word, kNoFigure, "no items were held out");
  if (plan.predicted && is_measured(plan))
    html += tile("predicted", rate_text(plan.predicted->throughput) + "/s",
                 signed_hundredths(plan.predicted->throughput / measured.throughput.value - 1) + " % against measured");
  const double latency_us = measured.latency_us > 0 ? measured.latency_us : plan.predicted ? plan.predicted->latency_us : 0;
  if (latency_us > 0)
    html += tile("latency", amount_text(latency_us / 1000) + " ms",
                 measured.latency_us > 0 ? "one item, measured" : "one item, predicted");
  return html + "</dl>\n";
}

// The chosen plan in one sentence.
std::string sentence(const Plan& plan, const std::string& word) {
  std::string text = fmt::format("Run <code>{}</code>: {} items a second{}", breakable(plan.id),
                                 rate_text(plan.throughput()), is_measured(plan) ? "" : " (predicted)");
  if (!has_accuracy(plan)) return text + fmt::format(", {} not known.", word);
  const Estimate& accuracy = *plan.measured->accuracy;
  text += fmt::format(" at {} {}", percent_text(accuracy.value), word);
  if (const std::string interval = percent_interval(accuracy); !interval.empty()) text += fmt::format(" ({})", interval);
  if (plan.measured->held_out_accuracy)
    text += fmt::format(", {} on held-out items", percent_text(plan.measured->held_out_accuracy->value));
  return text + ".";
}

// What stands where there is no answer; "undecided, needs ..." is not said twice.
std::string banner(std::string_view reason) {
  constexpr std::string_view kUndecided = "undecided";
  const bool undecided = reason.starts_with(kUndecided);
  if (undecided) {
    reason.remove_prefix(kUndecided.size());
    reason.remove_prefix(std::min(reason.find_first_not_of(" ,:;."), reason.size()));
  }
  return fmt::format("<p class=\"banner\"><b>{}</b> {}</p>\n", undecided ? "Undecided." : "Not met.",
                     escape(as_sentence(reason)));
}

std::string meaning_of_accuracy(const std::string& kind) {
  if (kind.empty()) return "";
  const std::string text = kind == "none"     ? "No accuracy could be measured."
                           : kind == "labels" ? "Accuracy is measured with the dataset's labels."
                                              : "Accuracy here means " + kind + ".";
  return fmt::format("<p class=\"note\">{}</p>\n", escape(text));
}

std::string answer(const PlanSet& plans) {
  const Decision& decision = plans.decision;
  std::string html = "<section class=\"answer\">\n";
  html += fmt::format("<p class=\"asked\"><span>Asked for</span> {}</p>\n",
                      decision.constraint.empty() ? "the plans; no constraint was given" : escape(decision.constraint));
  if (!decision.met) html += banner(decision.reason);
  const std::string word = accuracy_word(plans);
  if (const Plan* chosen = chosen_plan(plans)) {
    html += fmt::format("<p class=\"sentence\">{}</p>\n{}", sentence(*chosen, word), tiles(*chosen, word));
  } else {
    html += "<p class=\"sentence\">No plan is chosen.</p>\n";
  }
  if (decision.met && !decision.reason.empty())
    html += fmt::format("<p class=\"asked\"><span>Why</span> {}</p>\n", escape(decision.reason));
  return html + meaning_of_accuracy(plans.accuracy_kind) + "</section>\n";
}

std::string section(const std::string& title, const std::string& content) {
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", escape(title), content);
}

std::string findings_list(const std::vector<std::string>& findings) {
  std::string html = "<ul class=\"findings\">\n";
  for (const std::string& finding : findings) html += fmt::format("<li>{}</li>\n", escape(finding));
  return html + "</ul>\n";
}

// Columns of an account must stand below each other: its lines are not broken.
std::string preformatted(const std::string& text, bool break_lines = false) {
  // HTML drops a line end right after <pre>.
  return fmt::format("<pre {}>{}{}</pre>\n", break_lines ? "class=\"wrapped\"" : "tabindex=\"0\"",
                     text.starts_with('\n') ? "\n" : "", escape(text));
}

// The pipeline of a plan; of one that was made from a profile alone, what the profile knows.
std::string pipeline_of(const Plan& plan, const std::optional<Profile>& profile) {
  if (!plan.model.empty()) return preformatted(to_string(plan.pipeline), true);
  if (profile) {
    for (const Profile::Preprocess& entry : profile->preprocess) {
      const bool same = entry.rendition == plan.rendition && entry.fidelity == plan.fidelity &&
                        (entry.model.empty() || entry.model == plan.model_name);
      if (same && !entry.pipeline.empty()) return preformatted(entry.pipeline, true);
    }
  }
  return "<p>Planned from a profile that does not say.</p>\n";
}

std::string rules(const ReportInput& input) {
  std::string html = "<p>The physical pipeline of each plan on the frontier, and what the optimizer did to find it.</p>\n";
  const auto account_of = [&](const std::string& id) {
    std::string account;
    for (const auto& [plan, text] : input.explanations) {
      if (plan == id) account += "<h3>Optimizer</h3>\n" + preformatted(text);
    }
    return account;
  };
  for (const Plan& plan : input.plans.plans) {
    const bool chosen = plan.id == input.plans.chosen;
    html += fmt::format(
        "<details{}><summary><code>{}</code> <span class=\"quiet\">fidelity {}, {}</span></summary>\n{}{}</details>\n",
        chosen ? " open=\"open\"" : "", breakable(plan.id), escape(plan.fidelity),
        plan.model.empty() ? "label not known" : "label " + std::string(name_of(plan.pipeline.label)),
        pipeline_of(plan, input.profile), account_of(plan.id));
  }
  const auto on_frontier = [&](const std::string& id) {
    const std::vector<Plan>& plans = input.plans.plans;
    return std::any_of(plans.begin(), plans.end(), [&](const Plan& plan) { return plan.id == id; });
  };
  for (const auto& [id, text] : input.explanations) {
    if (on_frontier(id)) continue;
    html += fmt::format("<details><summary><code>{}</code></summary>\n{}</details>\n", breakable(id), preformatted(text));
  }
  return html;
}

std::string samples_text(const std::vector<double>& samples) {
  std::vector<std::string> texts;
  texts.reserve(samples.size());
  for (const double sample : samples) texts.push_back(fmt::format("{:.2f}", sample));
  return fmt::format("{}", fmt::join(texts, ", "));
}

std::string machine(const ReportInput& input) {
  std::string html = "<dl class=\"facts\">\n";
  const auto add = [&](const char* name, const std::string& text) {
    if (!text.empty()) html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, escape(text));
  };
  const PlanSet& plans = input.plans;
  add("machine", plans.machine);
  if (input.profile) {
    const Profile& profile = *input.profile;
    add("profile",
        fmt::format("{}{}{}{}", profile.source.empty() ? "of unknown source" : profile.source,
                    profile.machine.empty() || profile.machine == plans.machine ? "" : ", of " + profile.machine,
                    profile.date.empty() ? "" : ", " + date_text(profile.date), profile.simulated ? ", simulated" : ""));
    if (profile.cores > 0) add("cores", std::to_string(profile.cores));
    add("inference", profile.shares_host_cores ? "shares the cores with preprocessing" : "on a device of its own");
  }
  if (plans.overlap_exponent > 0) {
    std::string text = fmt::format("p = {:.2f}", plans.overlap_exponent);
    if (input.profile && !input.profile->overlap_exponents.empty())
      text += ", of samples " + samples_text(input.profile->overlap_exponents);
    add("overlap", text + " (1: one after the other; the greater, the more they overlap)");
  }
  add("calibration", plans.calibration);
  add("held out", plans.held_out.empty() ? "nothing" : plans.held_out);
  add("accuracy", plans.accuracy_kind);
  if (plans.planning_seconds > 0) add("planning took", amount_text(plans.planning_seconds) + " s");
  return html + "</dl>\n";
}

}  // namespace

std::string report_html(const ReportInput& input) {
  const PlanSet& plans = input.plans;
  const Profile* profile = input.profile ? &*input.profile : nullptr;
  const Look look(plans);
  std::string html = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
      "<meta name=\"color-scheme\" content=\"light dark\"/>\n<title>{} – smol planning report</title>\n"
      "<style>\n{}</style>\n</head>\n<body>\n<main>\n",
      escape(dataset_name(plans)), kStyleSheet);
  html += header(input) + answer(plans);
  html += section("Throughput against " + accuracy_word(plans), frontier_chart(plans, look) + plan_tables(plans, look));
  html += section("Where the time of one item goes", stage_breakdown(profile));
  html += section("Predicted against measured", prediction_section(plans));
  html += section("What cores and device do", stage_rates(plans, profile));
  if (!input.findings.empty()) html += section("Findings", findings_list(input.findings));
  html += section("Pipelines and rules", rules(input));
  html += section("Machine and method", machine(input));
  return html + "</main>\n</body>\n</html>\n";
}

}  // namespace smol
