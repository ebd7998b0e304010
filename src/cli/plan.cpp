#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "base/text_file.h"
#include "base/thread_budget.h"
#include "cli/command.h"
#include "cli/optimizer_account.h"
#include "cli/output_file.h"
#include "optimizer/explain.h"
#include "planner/frontier.h"
#include "planner/report/report.h"

namespace smol::cli {
namespace {

struct PlanArguments {
  std::string dataset, frames, output, profile, save_profile, report, prices, instance, cache;
  std::vector<std::string> models, precisions;
  std::optional<double> min_accuracy, min_throughput, max_latency_ms, max_cost;
  int calibration_items = 0, repeats = 3, batch = 0;
  double time_budget_s = 0;
  bool exact_only = false, all_fidelities = false, all_placements = false, all = false, no_cache = false;
  std::vector<std::string> disabled_rules, without;
  LimitArguments limits;
};

// Where answers and rates are kept: named, or where the user's other caches are.
std::string cache_folder(const PlanArguments& arguments) {
  if (arguments.no_cache) return "";
  if (!arguments.cache.empty()) return arguments.cache;
  return user_cache_folder();
}

Status read_constraints(const PlanArguments& arguments, PlanOptions& options) {
  options.min_accuracy = arguments.min_accuracy;
  options.min_throughput = arguments.min_throughput;
  options.max_latency_ms = arguments.max_latency_ms;
  options.max_cost = arguments.max_cost;
  if (arguments.prices.empty()) {
    if (!arguments.max_cost && arguments.instance.empty()) return {};
    return Error{ErrorCode::kInvalidArgument,
                 "--max-cost and --instance need --prices FILE: what machines cost is not built in"};
  }
  SMOL_ASSIGN_OR_RETURN(const Prices prices, load_prices(arguments.prices));
  SMOL_ASSIGN_OR_RETURN(options.instance, prices.find(arguments.instance));
  return {};
}

Result<PlanOptions> plan_options(const PlanArguments& arguments, const WithoutOptions& without, Context& context) {
  PlanOptions options;
  options.models = arguments.models;
  SMOL_RETURN_IF_ERROR(read_constraints(arguments, options));
  options.calibration_items = arguments.calibration_items;
  options.repeats = arguments.repeats;
  options.time_budget_s = arguments.time_budget_s;
  options.cache_folder = cache_folder(arguments);
  options.breakdown = !arguments.report.empty() || !arguments.save_profile.empty();
  options.allow_lossy = !arguments.exact_only;
  options.all_fidelities = arguments.all_fidelities;
  options.all_placements = arguments.all_placements;
  options.disabled_rules = arguments.disabled_rules;
  options.disabled_rules.insert(options.disabled_rules.end(), without.disabled_rules.begin(), without.disabled_rules.end());
  if (arguments.batch > 0) options.shape.batch = arguments.batch;
  for (const std::string& name : arguments.precisions) {
    SMOL_ASSIGN_OR_RETURN(const Precision precision, parse_precision(name));
    options.precisions.push_back(precision);
  }
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  options.stop = context.stop;
  return options;
}

Json answer_of(const PlanSet& plans, const PlanOptions& options) {
  Json json{{"machine", plans.machine},
            {"calibration", plans.calibration},
            {"held_out", plans.held_out},
            {"accuracy_kind", plans.accuracy_kind},
            {"chosen", plans.decision.met ? Json(plans.chosen) : Json(nullptr)},
            {"decision",
             {{"constraint", plans.decision.constraint}, {"met", plans.decision.met}, {"reason", plans.decision.reason}}},
            {"planning_seconds", plans.planning_seconds},
            {"overlap_exponent", plans.overlap_exponent},
            {"findings", findings(plans)}};
  const auto entry_of = [&](const Plan& plan) {
    Json entry = to_json(plan);
    if (options.instance) {
      const PlanCost cost = cost_of(plan, *options.instance, plans.cores, plans.overlap_exponent);
      entry["cost"] = {{"instance", options.instance->name},
                       {"items_per_s", cost.items_per_s},
                       {"price_per_million", cost.price_per_million},
                       {"extrapolated", cost.extrapolated}};
    }
    return entry;
  };
  for (const Plan& plan : plans.plans) json["plans"].push_back(entry_of(plan));
  json["dominated"] = Json::array();
  for (const Plan& plan : plans.dominated) json["dominated"].push_back(entry_of(plan));
  return json;
}

void print_text(const PlanSet& plans, const PlanArguments& arguments, std::int64_t num_not_comparable) {
  fmt::print(
      "{}\nThe frontier: every plan below is slower and more accurate than the one before (* chosen, - dominated).\n"
      "Accuracy: {}. Calibration: {}{}. Machine: {}.\n",
      format_plans(plans, arguments.all), plans.accuracy_kind, plans.calibration,
      plans.held_out.empty() ? "" : "; held out: " + plans.held_out, plans.machine);
  if (num_not_comparable > 0) {
    fmt::print(
        "Without an accuracy, only plans that cannot change answers are on the frontier: exact, in f32 or as stored, on the "
        "first rendition. Others ({}) are listed with --all and run when they are named with --plan.\n",
        num_not_comparable);
  }
  for (const std::string& sentence : findings(plans)) fmt::print("- {}\n", sentence);
  if (plans.decision.met) {
    fmt::print("Chosen: {} ({}{}).\n", plans.chosen,
               plans.decision.constraint.empty() ? "" : plans.decision.constraint + ": ", plans.decision.reason);
  }
  if (!arguments.report.empty()) fmt::print("wrote {}\n", arguments.report);
  if (!arguments.output.empty())
    fmt::print("wrote {}{}\n", arguments.output,
               plans.decision.met && !plans.plans.front().model.empty()
                   ? fmt::format("; next: smol run {} INPUT -o results/", arguments.output)
                   : "");
}

Status write_report(const PlanSet& plans, const Profile& profile, const Runtime* runtime, const Dataset* dataset,
                    const PlanArguments& arguments) {
  ReportInput input{plans, profile, findings(plans), {}};
  for (const Plan& plan : plans.plans) {
    if (runtime == nullptr || dataset == nullptr) break;  // a profile alone: there is no optimizer to ask
    SMOL_ASSIGN_OR_RETURN(const OptimizerAccount account, account_for(*runtime, plan, *dataset, arguments.disabled_rules));
    input.explanations.emplace_back(plan.id, explain(account.input, account.result, {}));
  }
  return write_text_file(arguments.report, report_html(input));
}

// The plans are written and shown also when none meets the constraint: then that is the command's failure.
Status show(const PlanSet& plans, const Profile& profile, const PlanOptions& options, const PlanArguments& arguments,
            Context& context) {
  if (!arguments.output.empty()) SMOL_RETURN_IF_ERROR(save_plans(plans, arguments.output));
  if (!arguments.save_profile.empty()) SMOL_RETURN_IF_ERROR(save_profile(profile, arguments.save_profile));
  if (context.json) {
    context.answer(answer_of(plans, options));
  } else if (!context.quiet || arguments.output.empty()) {
    const auto num_not_comparable = std::count_if(plans.dominated.begin(), plans.dominated.end(), [&](const Plan& plan) {
      return !(plan.measured && plan.measured->accuracy) && !cannot_change_answers(plan, plans.reference_rendition);
    });
    print_text(plans, arguments, plans.accuracy_kind == "none" ? num_not_comparable : 0);
  }
  if (plans.decision.met) return {};
  return Error{ErrorCode::kNotFound, plans.decision.reason};  // the request was a good one
}

Result<PlanSet> measure(const Runtime& runtime, const Dataset& dataset, PlanOptions& options, Profile& measured,
                        Context& context) {
  warn_of_passed_over(dataset);
  context.stop_in_good_order("plans are not written; answers and rates that were found are kept in the cache");
  ProgressBar bar("plan", context.quiet);
  options.on_progress = [&bar](const std::string& what, double done_s, double seconds_left) {
    bar.update(what, done_s, seconds_left);
  };
  Result<PlanSet> plans = plan(runtime, dataset, options, &measured);
  bar.clear();
  return plans;
}

Status run(const PlanArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const WithoutOptions without, parse_without(arguments.without, kWithoutInPlans));
  SMOL_ASSIGN_OR_RETURN(PlanOptions options, plan_options(arguments, without, context));
  if (!arguments.report.empty()) {  // before measuring, not after
    constexpr std::array<std::string_view, 2> kExtensions{".html", ".htm"};
    SMOL_RETURN_IF_ERROR(check_extension(arguments.report, kExtensions));
  }
  Profile given;
  if (!arguments.profile.empty()) {
    SMOL_ASSIGN_OR_RETURN(given, load_profile(arguments.profile));
    options.profile = &given;
  }
  if (arguments.dataset.empty()) {
    if (options.profile == nullptr)
      return Error{ErrorCode::kInvalidArgument, "name a dataset, or a profile to plan with alone (--profile)"};
    SMOL_ASSIGN_OR_RETURN(const PlanSet plans, plan(given, options));
    if (!arguments.report.empty()) SMOL_RETURN_IF_ERROR(write_report(plans, given, nullptr, nullptr, arguments));
    return show(plans, given, options, arguments, context);
  }
  if (options.profile != nullptr && !given.machine.empty() && given.machine != machine_name()) {
    fmt::print(stderr, "smol: the profile is of another machine; plans hold for that one: {}\n", given.machine);
  }
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  Profile measured;
  SMOL_ASSIGN_OR_RETURN(Dataset dataset, open_input(runtime, arguments.dataset, context, arguments.frames));
  if (!without.low_resolution) dataset.renditions.resize(1);
  SMOL_ASSIGN_OR_RETURN(const PlanSet plans, measure(runtime, dataset, options, measured, context));
  if (!arguments.report.empty()) SMOL_RETURN_IF_ERROR(write_report(plans, measured, &runtime, &dataset, arguments));
  return show(plans, measured, options, arguments, context);
}

void add_constraints(CLI::App& command, PlanArguments& arguments) {
  command
      .add_option("--min-accuracy", arguments.min_accuracy,
                  "Choose the fastest plan of which the data say that it has at least this accuracy")
      ->check(CLI::Range(0.0, 1.0));
  command
      .add_option("--min-throughput", arguments.min_throughput,
                  "Choose the most accurate plan with at least this many items a second")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-latency", arguments.max_latency_ms,
                  "Choose the most accurate plan that answers one picture on the idle machine within so many milliseconds")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--max-cost", arguments.max_cost,
                  "Choose the most accurate plan that costs at most so much for a million items; needs --prices")
      ->check(CLI::PositiveNumber);
  command.add_option("--prices", arguments.prices, "What machines cost (docs/howto/reckon-costs.md)");
  command.add_option("--instance", arguments.instance, "Which machine of the price file (default: the first)");
}

}  // namespace

void add_plan(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<PlanArguments>();
  CLI::App* command =
      program.add_subcommand("plan", "Measure models x renditions x fidelities on a sample and print the frontier");
  command->add_option(
      "DATASET", arguments->dataset,
      "Dataset file (.yaml), folder, video, list (.txt: one item a line; # comments), archive, table or address. Not needed "
      "with --profile");
  add_frames_option(*command, arguments->frames);
  command->add_option("--models", arguments->models, "Model cards (default: those of the dataset file)");
  add_constraints(*command, *arguments);
  command
      ->add_option("--time-budget", arguments->time_budget_s,
                   "Stop measuring in good order after about so many seconds; what is found by then is used")
      ->check(CLI::PositiveNumber);
  command->add_option("-o,--output", arguments->output, "Write the plans to this file");
  command->add_option("--report", arguments->report, "Write a report, one HTML page, to this file");
  command->add_option("--save-profile", arguments->save_profile, "Write what was measured to this file");
  command->add_option("--profile", arguments->profile,
                      "Rates that stand in for measuring; without DATASET, plan with nothing else (for machines and models "
                      "that are not here)");
  command
      ->add_option("--calibration", arguments->calibration_items,
                   "Number of items to measure on (default: half, at most 256; the others judge the choice)")
      ->check(CLI::Range(1, 1'000'000));
  command->add_option("--cache", arguments->cache,
                      "Folder for answers and rates that a later planning finds again (default: $SMOL_CACHE_DIR, else the "
                      "user's cache folder)");
  command->add_flag("--no-cache", arguments->no_cache, "Measure everything, keep nothing");
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
  command
      ->add_flag("--all-placements", arguments->all_placements,
                 "Also operators in the model graph where inference shares the host's cores")
      ->group("Advanced");
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
      "  smol plan dataset.yaml --min-throughput 500 --json\n"
      "  smol plan dataset.yaml --max-cost 1.50 --prices prices.yaml --instance c7i.large\n"
      "  smol plan --profile machine.yaml                        with rates from a file, without pictures");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
