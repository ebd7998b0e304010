#include <algorithm>
#include <memory>

#include "cli/command.h"
#include "planner/frontier.h"

namespace smol::cli {
namespace {

struct PlanArguments {
  std::string dataset, output;
  std::vector<std::string> models, precisions;
  std::optional<double> min_accuracy, min_throughput;
  int calibration_items = 0, repeats = 3, batch = 0;
  bool exact_only = false, all_fidelities = false, all = false;
  std::vector<std::string> disabled_rules, without;
  LimitArguments limits;
};

// Plans that would change answers, nobody knows how much.
std::int64_t num_not_comparable(const PlanSet& plans, const std::string& reference_rendition) {
  return std::count_if(plans.dominated.begin(), plans.dominated.end(), [&](const Plan& plan) {
    return !plan.measured->accuracy && !cannot_change_answers(plan, reference_rendition);
  });
}

Status run(const PlanArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  SMOL_ASSIGN_OR_RETURN(Dataset dataset, open_input(runtime, arguments.dataset));
  SMOL_ASSIGN_OR_RETURN(const WithoutOptions without, parse_without(arguments.without, kWithoutInPlans));
  if (!without.low_resolution) dataset.renditions.resize(1);
  warn_of_passed_over(dataset);
  PlanOptions options;
  options.models = arguments.models;
  options.min_accuracy = arguments.min_accuracy;
  options.min_throughput = arguments.min_throughput;
  options.calibration_items = arguments.calibration_items;
  options.repeats = arguments.repeats;
  options.allow_lossy = !arguments.exact_only;
  options.all_fidelities = arguments.all_fidelities;
  options.disabled_rules = arguments.disabled_rules;
  options.disabled_rules.insert(options.disabled_rules.end(), without.disabled_rules.begin(), without.disabled_rules.end());
  if (arguments.batch > 0) options.shape.batch = arguments.batch;
  for (const std::string& name : arguments.precisions) {
    SMOL_ASSIGN_OR_RETURN(const Precision precision, parse_precision(name));
    options.precisions.push_back(precision);
  }
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  options.stop = context.stop;
  context.stop_in_good_order("what was measured is not kept: plans are written when all are measured");
  ProgressBar bar("plan", context.quiet);
  options.on_progress = [&bar, start = std::chrono::steady_clock::now()](const std::string&, int done, int total) {
    Progress progress;
    progress.items = done;
    progress.total = total;
    progress.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    bar.update(progress);
  };
  const Result<PlanSet> plans = plan(runtime, dataset, options);
  bar.clear();
  if (!plans.ok()) return plans.error();
  if (!arguments.output.empty()) SMOL_RETURN_IF_ERROR(save_plans(*plans, arguments.output));
  if (context.json) {
    Json json{{"machine", plans->machine},
              {"calibration", plans->calibration},
              {"accuracy_kind", plans->accuracy_kind},
              {"chosen", plans->chosen}};
    for (const Plan& entry : plans->plans) json["plans"].push_back(to_json(entry));
    json["dominated"] = Json::array();
    for (const Plan& entry : plans->dominated) json["dominated"].push_back(to_json(entry));
    context.answer(std::move(json));
    return {};
  }
  if (context.quiet && !arguments.output.empty()) return {};
  fmt::print(
      "{}\nThe frontier: every plan below is slower and more accurate than the one before (* chosen, - dominated).\n"
      "Accuracy: {}. Calibration: {}. Machine: {}.\n",
      format_plans(*plans, arguments.all), plans->accuracy_kind, plans->calibration, plans->machine);
  if (const auto count = num_not_comparable(*plans, dataset.renditions.front().name); count > 0) {
    fmt::print(
        "Without an accuracy, only plans that cannot change answers are on the frontier: exact, in f32 or as stored, on the "
        "first rendition. Others ({}) are listed with --all and run when they are named with --plan.\n",
        count);
  }
  if (!arguments.output.empty())
    fmt::print("wrote {}; next: smol run {} INPUT -o results/\n", arguments.output, arguments.output);
  return {};
}

}  // namespace

void add_plan(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* command =
      program.add_subcommand("plan", "Measure models x renditions x fidelities on a sample and print the frontier");
  command
      ->add_option("DATASET", arguments->dataset,
                   "Dataset file (.yaml), folder, or list (.txt: one item a line; # comments)")
      ->required();
  command->add_option("--models", arguments->models, "Model cards (default: those of the dataset file)");
  command->add_option("--min-accuracy", arguments->min_accuracy, "Choose the fastest plan with at least this accuracy")
      ->check(CLI::Range(0.0, 1.0));
  command
      ->add_option("--min-throughput", arguments->min_throughput,
                   "Choose the most accurate plan with at least this many items a second")
      ->check(CLI::PositiveNumber);
  command->add_option("-o,--output", arguments->output, "Write the plans to this file");
  command->add_option("--calibration", arguments->calibration_items, "Number of items to measure on (default 64)")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--repeats", arguments->repeats, "Throughput measurements of each plan, interleaved")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
  command->add_option("--precision", arguments->precisions, "Precisions to try")
      ->check(CLI::IsMember({"f32", "bf16", "f16", "as_stored"}));
  command->add_option("--batch", arguments->batch, "Fix the batch (default: the fastest of 1, 4, 8, 16)")
      ->check(CLI::Range(1, 4096));
  add_limits(*command, arguments->limits);
  command->add_flag("--exact-only", arguments->exact_only, "No reduced fidelities");
  command->add_flag("--all-fidelities", arguments->all_fidelities,
                    "Also fidelities that are predicted to save less than 5 % of preprocessing");
  command->add_flag("--all", arguments->all, "Print the dominated plans, too");
  command->add_option("--disable-rule", arguments->disabled_rules, "Leave out an optimizer rule")->group("Advanced");
  command
      ->add_option("--without", arguments->without,
                   "Plan without an optimisation, to see what it buys: " + std::string(kWithoutInPlans) +
                       " (only the first rendition)")
      ->group("Advanced");
  command->footer(
      "Examples:\n"
      "  smol plan dataset.yaml -o plans.yaml\n"
      "  smol plan photos/ --models lite0.yaml lite2.yaml --min-accuracy 0.85 -o plans.yaml\n"
      "  smol plan dataset.yaml --min-throughput 500 --json");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
