#include "optimizer/explain.h"

#include <memory>

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

// The optimizer's account for the plan's model and a typical picture of the input.
Result<std::string> explain_optimizer(const Runtime& runtime, const Plan& plan, const Dataset& dataset,
                                      const ExplainArguments& arguments) {
  SMOL_ASSIGN_OR_RETURN(const OptimizerAccount account, account_for(runtime, plan, dataset, arguments.disabled_rules));
  ExplainOptions options;
  options.timings = arguments.timings;
  return explain(account.input, account.result, options);
}

std::string describe(const Plan& plan) {
  std::string text =
      fmt::format("plan {}\nmodel {} on {} ({}), rendition {}, fidelity {}\n{}\n", plan.id, plan.model_name, plan.backend,
                  name_of(plan.precision), plan.rendition, plan.fidelity, to_string(plan.pipeline));
  text += fmt::format("batch {}, workers {}, streams {} x {} threads (0: as many as cores){}\n", plan.shape.batch,
                      plan.shape.host_workers, plan.shape.streams, plan.shape.threads_per_stream,
                      plan.shape.latency ? ", for latency" : "");
  if (!plan.measured) return text + "not measured\n";
  const PlanMeasurement& measured = *plan.measured;
  text += fmt::format("measured {:.1f} items/s ({:.1f}-{:.1f}), inference alone {:.1f} items/s", measured.throughput.value,
                      measured.throughput.low, measured.throughput.high, measured.infer_throughput);
  if (measured.preprocess_throughput > 0)
    text += fmt::format(", preprocessing alone {:.1f} items/s", measured.preprocess_throughput);
  if (measured.accuracy) {
    text += fmt::format(", {} {:.1f} % ({:.1f}-{:.1f}, {} items)", measured.agreement ? "agreement" : "accuracy",
                        100 * measured.accuracy->value, 100 * measured.accuracy->low, 100 * measured.accuracy->high,
                        measured.num_items);
  }
  return text + "\n";
}

// Only graphs have a key `nodes`, only plan files a key `plans`.
bool has_key(const std::string& text, std::string_view key) {
  return ("\n" + text).find(fmt::format("\n{}:", key)) != std::string::npos;
}

Status explain_graph(const Runtime& runtime, const ExplainArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const PreprocessGraph graph, load_preprocess_graph(arguments.plans, runtime.user_operators));
  if (arguments.input.empty())
    return Error{ErrorCode::kInvalidArgument, "name pictures with --input: a graph does not say what it will read"};
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_input(runtime, arguments.input));
  const Dataset::Rendition& rendition = dataset.renditions.front();
  SMOL_ASSIGN_OR_RETURN(
      const RenditionFacts facts,
      survey(runtime, calibration_items(dataset, rendition, choose_calibration(dataset, 0)), rendition.name));
  OptimizerInput input;
  input.context.codec = facts.codec->capabilities();
  input.context.typical = facts.typical;
  input.codec_name = facts.codec->name();
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
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_input(runtime, input));
  SMOL_ASSIGN_OR_RETURN(const Plan plan,
                        find_plan(runtime, arguments.plans, arguments.id, dataset, arguments.disabled_rules));
  SMOL_ASSIGN_OR_RETURN(const std::string optimizer, explain_optimizer(runtime, plan, dataset, arguments));
  SMOL_ASSIGN_OR_RETURN(const std::string regions, describe_regions(runtime, {&plan, 1}, dataset, plan.rendition));
  if (context.json) {
    Json json = to_json(plan);
    json["pipeline"] = to_string(plan.pipeline);
    json["optimizer"] = optimizer;
    if (!regions.empty()) json["regions"] = regions.substr(0, regions.size() - 1);
    context.answer(std::move(json));
  } else {
    fmt::print("{}\n{}{}", describe(plan), optimizer, regions);
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
