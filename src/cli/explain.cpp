#include "optimizer/explain.h"

#include <memory>
#include <set>

#include "base/text_file.h"
#include "cli/command.h"
#include "cli/optimizer_account.h"
#include "optimizer/graph.h"
#include "planner/calibration.h"

namespace smol::cli {
namespace {

struct ExplainArguments {
  std::string plans, id, input;
  std::vector<std::string> disabled_rules;
  bool timings = false;
};

bool was_run(const Plan& plan) { return plan.measured && plan.measured->throughput.value > 0; }

std::string rate_text(const Estimate& rate) {
  return fmt::format("{:.1f} items/s ({:.1f}-{:.1f})", rate.value, rate.low, rate.high);
}

std::string difference_text(const PlanMeasurement& measured) {
  std::string text;
  if (measured.max_difference && measured.mean_difference) {
    text = fmt::format("measured difference: at most {:.0f}, mean {:.2f} of 255", *measured.max_difference,
                       *measured.mean_difference);
  }
  if (const auto& change = measured.accuracy_change) {
    text += fmt::format("{}{} {:+.1f} points ({:+.1f} to {:+.1f}) against the exact plan", text.empty() ? "" : "; ",
                        measured.agreement ? "agreement" : "accuracy", 100 * change->value, 100 * change->low,
                        100 * change->high);
  }
  return text;
}

std::string measured_text(const PlanMeasurement& measured) {
  std::string text =
      measured.throughput.value > 0 ? "measured " + rate_text(measured.throughput) : std::string("not run from end to end");
  if (measured.infer_throughput > 0) text += fmt::format(", inference alone {:.1f} items/s", measured.infer_throughput);
  if (measured.preprocess_throughput > 0)
    text += fmt::format(", preprocessing alone {:.1f} items/s", measured.preprocess_throughput);
  if (measured.latency_us > 0) text += fmt::format(", latency {:.2f} ms", measured.latency_us / 1000);
  text += "\n";
  const auto add = [&](const char* what, const Estimate& value, std::int64_t num_items) {
    text += fmt::format("{}{} {:.1f} % ({:.1f}-{:.1f}, {})\n", what, measured.agreement ? "agreement" : "accuracy",
                        100 * value.value, 100 * value.low, 100 * value.high, counted(num_items, "item"));
  };
  if (measured.accuracy) add("", *measured.accuracy, measured.num_items);
  if (measured.held_out_accuracy)
    add("on items that had no part in the choice: ", *measured.held_out_accuracy, measured.num_held_out);
  if (const std::string difference = difference_text(measured); !difference.empty()) text += difference + "\n";
  return text;
}

// Ours beside the models of others; beside what was measured, with their errors.
std::string predicted_text(const Plan& plan) {
  if (!plan.predicted) return "";
  const PlanPrediction& predicted = *plan.predicted;
  const double measured = plan.measured ? plan.measured->throughput.value : 0;
  const auto value_text = [&](double value) {
    return fmt::format("{:.1f}", value) + (measured > 0 ? fmt::format(" ({:+.1f} %)", 100 * (value / measured - 1)) : "");
  };
  std::string text =
      fmt::format("predicted {} items/s; the minimum of SMOL's paper {}, the sum of Tahoma {}, BlazeIt's DNN alone {}\n",
                  value_text(predicted.throughput), value_text(predicted.minimum), value_text(predicted.sum),
                  value_text(predicted.dnn_only));
  if (plan.measured && plan.measured->held_for_calibration)
    text += "this plan calibrated the prediction, so its errors say nothing\n";
  if (!predicted.bottleneck.empty()) text += "bottleneck: " + predicted.bottleneck + "\n";
  return text;
}

std::string describe(const Plan& plan) {
  std::string text =
      fmt::format("plan {}\nmodel {} on {} ({}), rendition {}, fidelity {}\n{}\n", plan.id, plan.model_name, plan.backend,
                  name_of(plan.precision), plan.rendition, plan.fidelity, to_string(plan.pipeline));
  text += fmt::format("batch {}, workers {}, streams {} x {} threads (0: as many as cores){}\n", plan.shape.batch,
                      plan.shape.host_workers, plan.shape.streams, plan.shape.threads_per_stream,
                      plan.shape.latency ? ", for latency" : "");
  text += plan.measured ? measured_text(*plan.measured) : "not measured\n";
  return text + predicted_text(plan);
}

/// What became of the other ways to run a plan's model over its rendition.
struct Alternatives {
  struct Choice {
    std::string fidelity;
    const Plan* plan = nullptr;  ///< null: it was not planned
  };
  std::vector<Choice> choices;          ///< other fidelities that the optimizer found, in its order
  std::vector<const Plan*> placements;  ///< the same fidelity with its operators elsewhere
};

// `planned` holds the plans that are pointed to.
Alternatives find_alternatives(const PlanSet& planned, const Plan& plan, const OptimizerResult& optimized) {
  std::vector<const Plan*> siblings;
  for (const std::vector<Plan>* list : {&planned.plans, &planned.dominated}) {
    for (const Plan& other : *list) {
      if (other.id != plan.id && other.model_digest == plan.model_digest && other.backend == plan.backend &&
          other.rendition == plan.rendition && other.precision == plan.precision &&
          other.shape.latency == plan.shape.latency)
        siblings.push_back(&other);
    }
  }
  Alternatives found;
  std::set<std::string> listed{plan.fidelity};
  for (const Candidate& candidate : optimized.candidates) {
    if (!listed.insert(candidate.fidelity).second) continue;
    Alternatives::Choice choice{candidate.fidelity, nullptr};
    for (const Plan* other : siblings) {  // of its placements the one that was kept
      if (other->fidelity != choice.fidelity) continue;
      if (choice.plan == nullptr ||
          std::pair(was_run(*other), other->throughput()) > std::pair(was_run(*choice.plan), choice.plan->throughput()))
        choice.plan = other;
    }
    found.choices.push_back(choice);
  }
  for (const Plan* other : siblings) {
    if (other->fidelity == plan.fidelity && other->pipeline.device_operators != plan.pipeline.device_operators)
      found.placements.push_back(other);
  }
  return found;
}

std::string describe(const Alternatives& alternatives) {
  std::string text;
  for (const auto& [fidelity, plan] : alternatives.choices) {
    text += "  " + fidelity + ": ";
    if (plan == nullptr) {
      text += "not planned: it saves too little, or was not asked for\n";
      continue;
    }
    const PlanMeasurement measured = plan->measured.value_or(PlanMeasurement{});
    text += measured.throughput.value > 0 ? "measured " + rate_text(measured.throughput)
                                          : fmt::format("predicted {:.1f} items/s, not run", plan->throughput());
    if (const std::string difference = difference_text(measured); !difference.empty()) text += "; " + difference;
    text += " [" + plan->id + "]\n";
  }
  if (!text.empty()) text.insert(0, "choices, as planned:\n");
  if (!alternatives.placements.empty()) text += "placements, as planned:\n";
  for (const Plan* plan : alternatives.placements) {
    text += was_run(*plan)
                ? fmt::format("  {}: kept, measured {}\n", plan->id, rate_text(plan->measured->throughput))
                : fmt::format("  {}: generated, predicted {:.1f} items/s, beaten\n", plan->id, plan->throughput());
  }
  return text;
}

void add_alternatives(const Alternatives& alternatives, Json& json) {
  json["choices"] = Json::array();
  for (const auto& [fidelity, plan] : alternatives.choices)
    json["choices"].push_back({{"fidelity", fidelity}, {"plan", plan == nullptr ? Json(nullptr) : to_json(*plan)}});
  json["placements"] = Json::array();
  for (const Plan* plan : alternatives.placements) json["placements"].push_back(to_json(*plan));
}

// Only graphs have a key `nodes`, only plan files a key `plans`.
bool has_key(const std::string& text, std::string_view key) {
  return ("\n" + text).find(fmt::format("\n{}:", key)) != std::string::npos;
}

Status explain_graph(const Runtime& runtime, const ExplainArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const PreprocessGraph graph, load_preprocess_graph(arguments.plans, runtime.user_operators));
  if (arguments.input.empty())
    return Error{ErrorCode::kInvalidArgument, "name pictures with --input: a graph does not say what it will read"};
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_input(runtime, arguments.input, context));
  const Dataset::Rendition& rendition = dataset.renditions.front();
  SMOL_ASSIGN_OR_RETURN(
      const RenditionFacts facts,
      survey(runtime, calibration_items(dataset, rendition, choose_calibration(dataset, 0)), rendition.name));
  OptimizerInput input;
  input.context.codec = facts.codec;
  input.context.typical = facts.typical;
  input.codec_name = facts.codec_name;
  input.disabled_rules.insert(arguments.disabled_rules.begin(), arguments.disabled_rules.end());
  SMOL_ASSIGN_OR_RETURN(const std::vector<OptimizerResult> results, optimize_graph(graph, input));
  ExplainOptions options;
  options.timings = arguments.timings;
  Json json;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const std::string& name = graph.outputs[i].name;
    input.logical = graph.outputs[i].pipeline;
    const std::string text = explain(input, results[i], options);
    json["outputs"].push_back(
        {{"name", name}, {"pipeline", to_string(results[i].candidates.front().pipeline)}, {"optimizer", text}});
    if (!context.json) fmt::print("{}output {} of {}, over one decode\n{}", i > 0 ? "\n" : "", name, results.size(), text);
  }
  if (context.json) context.answer(std::move(json));
  return {};
}

// The pictures to explain for: those named, else those that were planned. A file that is neither plans nor a card is told of
// before any pictures are asked for.
Result<std::string> find_input(const Runtime& runtime, const ExplainArguments& arguments, const std::string& text) {
  if (!arguments.input.empty()) return arguments.input;
  const Result<PlanSet> plans = load_plans(arguments.plans, runtime.user_operators);
  if (plans.ok() && !plans->dataset.empty()) return plans->dataset;
  if (!plans.ok() && has_key(text, "plans")) return plans.error();
  if (!plans.ok()) SMOL_RETURN_IF_ERROR(load_model_card(arguments.plans, runtime.user_operators));
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("name pictures with --input: {} does not say what it will read: {}",
                           plans.ok() ? "this plan file" : "a model card alone", arguments.plans)};
}

Status run(const ExplainArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  const Result<std::string> text = read_text_file(arguments.plans);
  if (!text.ok() && text.error().code != ErrorCode::kLimitExceeded) {
    return Error{text.error().code, "explain takes plans, a model card or a preprocessing graph: " + text.error().message};
  }
  if (text.ok() && has_key(*text, "nodes")) return explain_graph(runtime, arguments, context);
  SMOL_ASSIGN_OR_RETURN(const std::string input, find_input(runtime, arguments, text.ok() ? *text : ""));
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_input(runtime, input, context));
  SMOL_ASSIGN_OR_RETURN(const Plan plan,
                        find_plan(runtime, arguments.plans, arguments.id, dataset, arguments.disabled_rules));
  SMOL_ASSIGN_OR_RETURN(const OptimizerAccount account, account_for(runtime, plan, dataset, arguments.disabled_rules));
  ExplainOptions options;
  options.timings = arguments.timings;
  const std::string optimizer = explain(account.input, account.result, options);
  const Result<PlanSet> planned = load_plans(arguments.plans, runtime.user_operators);
  const Alternatives alternatives = planned.ok() ? find_alternatives(*planned, plan, account.result) : Alternatives{};
  SMOL_ASSIGN_OR_RETURN(const std::string regions, describe_regions(runtime, {&plan, 1}, dataset, plan.rendition));
  if (context.json) {
    Json json = to_json(plan);
    json["pipeline"] = to_string(plan.pipeline);
    json["optimizer"] = optimizer;
    add_alternatives(alternatives, json);
    if (!regions.empty()) json["regions"] = regions.substr(0, regions.size() - 1);
    context.answer(std::move(json));
  } else {
    fmt::print("{}\n{}{}{}", describe(plan), optimizer, describe(alternatives), regions);
  }
  return {};
}

}  // namespace

void add_explain(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<ExplainArguments>();
  CLI::App* command =
      program.add_subcommand("explain", "Why a plan is what it is: forms, rules that fired, rejected alternatives, costs");
  command->add_option("PLANS", arguments->plans, "Plan file; or a model card or preprocessing graph, together with --input")
      ->required();
  command->add_option("--plan", arguments->id, "Plan id (default: the chosen one)");
  command->add_option("--input", arguments->input, "Pictures to explain for (default: the dataset that was planned)");
  command->add_option("--disable-rule", arguments->disabled_rules,
                      "With a model card or graph: leave out an optimizer rule");
  command->add_flag("--timings", arguments->timings, "How long each rule took");
  command->footer(
      "Examples:\n  smol explain plans.yaml\n  smol explain graph.yaml --input photos/\n  smol explain card.yaml --input "
      "photos/ --disable-rule "
      "push_region_into_decoder");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
