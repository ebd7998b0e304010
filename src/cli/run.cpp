#include <algorithm>
#include <memory>

#include "base/thread_budget.h"
#include "cli/command.h"
#include "cli/input_lines.h"
#include "cli/optimizer_account.h"
#include "engine/measure.h"

namespace smol::cli {
namespace {

constexpr std::string_view kStandardInput = "-";

struct RunArguments {
  std::string plans, input, frames, output, memory, max_failures, shard, prices, instance, fail_on = "truncated";
  LimitArguments limits;
  std::vector<std::string> plan_ids, without, disabled_rules;
  std::string rendition;
  bool null_separated = false;
  bool resume = false, retry_failed = false, overwrite = false, ordered = false, stage_times = false, dry_run = false;
  bool replan = false;
  std::string background;
  std::string hint;
  int batch = 0, workers = 0, streams = 0, io_threads = -1, part_rows = 50'000;
};

Result<RunOptions> run_options(const RunArguments& arguments, const Context& context) {
  RunOptions options;
  options.stop = context.stop;
  options.ordered = arguments.ordered;
  options.stage_times = arguments.stage_times;
  SMOL_ASSIGN_OR_RETURN(options.fail_on, parse_fail_on(arguments.fail_on));
  if (!arguments.memory.empty()) {
    SMOL_ASSIGN_OR_RETURN(options.memory_bytes, parse_size("--memory", arguments.memory));
  }
  if (!arguments.max_failures.empty()) {
    SMOL_ASSIGN_OR_RETURN(options.max_failure_fraction, parse_fraction(arguments.max_failures));
  }
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  SMOL_ASSIGN_OR_RETURN(options.background, parse_background(arguments.background));
  SMOL_ASSIGN_OR_RETURN(const WithoutOptions without, parse_without(arguments.without));
  options.ablation = without.ablation;
  return options;
}

Status parse_shard(const std::string& text, int& shard, int& num_shards) {
  char rest = 0;
  if (text.empty()) return {};
  if (std::sscanf(text.c_str(), "%9d/%9d%c", &shard, &num_shards, &rest) != 2 || num_shards < 1 || shard < 0 ||
      shard >= num_shards) {
    return Error{ErrorCode::kInvalidArgument, "--shard must be I/N with 0 <= I < N: " + text};
  }
  return {};
}

Result<ParquetOptions> parquet_options(const RunArguments& arguments) {
  ParquetOptions options;
  options.resume = arguments.resume;
  options.retry_failed = arguments.retry_failed;
  options.overwrite = arguments.overwrite;
  options.stage_times = arguments.stage_times;
  options.rows_per_part = arguments.part_rows;
  SMOL_RETURN_IF_ERROR(parse_shard(arguments.shard, options.shard, options.num_shards));
  SMOL_RETURN_IF_ERROR(check(options));
  return options;
}

// The shortest answer is that of one picture on all cores, unless numbers are given.
void set_hint(ExecutionShape& shape, const RunArguments& arguments) {
  shape.latency = arguments.hint == "latency";
  if (!shape.latency) return;
  if (arguments.batch == 0) shape.batch = 1;
  if (arguments.streams == 0) shape.streams = 0;
}

Result<std::vector<std::string>> disabled_rules_of(const RunArguments& arguments) {
  SMOL_ASSIGN_OR_RETURN(WithoutOptions without, parse_without(arguments.without));
  std::vector<std::string> rules = std::move(without.disabled_rules);
  rules.insert(rules.end(), arguments.disabled_rules.begin(), arguments.disabled_rules.end());
  return rules;
}

// What the command line says of the machine's use goes before what the plan says.
void set_shape(Plan& plan, const RunArguments& arguments) {
  if (arguments.batch > 0) plan.shape.batch = arguments.batch;
  if (arguments.workers > 0) plan.shape.host_workers = arguments.workers;
  if (arguments.streams > 0) plan.shape.streams = arguments.streams;
  if (!arguments.hint.empty()) set_hint(plan.shape, arguments);
  if (arguments.io_threads >= 0) plan.shape.io_threads = arguments.io_threads;
}

Result<std::vector<Plan>> choose_plans(const Runtime& runtime, const RunArguments& arguments, const Dataset& dataset,
                                       int num_shards) {
  std::vector<Plan> plans;
  std::vector<std::string> ids = arguments.plan_ids;
  if (ids.empty()) ids.emplace_back();
  SMOL_ASSIGN_OR_RETURN(const WithoutOptions without, parse_without(arguments.without));
  SMOL_ASSIGN_OR_RETURN(const std::vector<std::string> disabled_rules, disabled_rules_of(arguments));
  const auto num_items = static_cast<std::int64_t>(dataset.item_ids.size()) / num_shards;
  const bool measure_batch =
      arguments.batch == 0 && arguments.hint != "latency" && !arguments.dry_run && num_items >= kItemsWorthMeasuringBatch;
  for (const std::string& id : ids) {
    SMOL_ASSIGN_OR_RETURN(
        Plan plan, find_plan(runtime, arguments.plans, id, dataset, disabled_rules, measure_batch, arguments.rendition));
    if (!arguments.rendition.empty()) plan.rendition = arguments.rendition;  // rows say what was read
    if (plans.empty()) warn_of_no_effect(runtime, plan, without);
    set_shape(plan, arguments);
    plans.push_back(std::move(plan));
  }
  for (const Plan& plan : plans) {
    if (plan.rendition != plans.front().rendition) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("plans of one run share a rendition; run them apart: {} uses '{}', {} uses '{}'",
                               plans.front().id, plans.front().rendition, plan.id, plan.rendition)};
    }
  }
  return plans;
}

// The rendition the plan was made for, when the input has it; an input with one folder stands for any rendition.
Result<std::string> choose_rendition(const RunArguments& arguments, const Plan& plan, const Dataset& dataset) {
  std::string names;
  const std::string wanted = arguments.rendition.empty() ? plan.rendition : arguments.rendition;
  for (const Dataset::Rendition& rendition : dataset.renditions) {
    if (rendition.name == wanted) return wanted;
    names += (names.empty() ? "" : ", ") + rendition.name;
  }
  const bool only_folder = dataset.renditions.size() == 1 && arguments.rendition.empty();
  if (only_folder) return dataset.renditions.front().name;
  return Error{ErrorCode::kInvalidArgument, fmt::format("the input has no rendition '{}'; it has: {}", wanted, names)};
}

/// What a plan would do and cost, without doing it.
struct Forecast {
  Plan plan;
  std::int64_t num_items = 0;
  std::string other_machine;            ///< where the plan's rate is from; empty: from this one
  std::optional<OpCost> preprocessing;  ///< of a typical picture; empty where none can be read
  std::optional<Instance> instance;     ///< whose price was asked for
  PlanCost cost;                        ///< there

  [[nodiscard]] bool measured() const { return plan.measured && plan.measured->throughput.value > 0; }
  [[nodiscard]] double seconds() const { return static_cast<double>(num_items) / plan.throughput(); }
  [[nodiscard]] bool priced() const { return instance && can_run_on(plan, *instance) && cost.items_per_s > 0; }
  [[nodiscard]] double price() const { return cost.price_per_million * static_cast<double>(num_items) / 1e6; }
  [[nodiscard]] double kwh() const { return cost.kwh_per_million * static_cast<double>(num_items) / 1e6; }
  [[nodiscard]] double hours() const { return static_cast<double>(num_items) / cost.items_per_s / 3600; }
};

Json to_json(const Forecast& forecast) {
  Json json = cli::to_json(forecast.plan);
  json["items"] = forecast.num_items;
  json["eta_seconds"] = forecast.plan.throughput() > 0 ? Json(forecast.seconds()) : Json(nullptr);
  json["rate_of_machine"] = forecast.other_machine.empty() ? Json(nullptr) : Json(forecast.other_machine);
  json["preprocessing_cost"] = nullptr;
  if (const auto& cost = forecast.preprocessing) {
    json["preprocessing_cost"] = {{"total", cost->total()}, {"decode", cost->decode},     {"host", cost->host},
                                  {"device", cost->device}, {"transfer", cost->transfer}, {"unit", "8-bit multiply-adds"}};
  }
  if (!forecast.instance) return json;
  json["cost"] = {{"instance", forecast.instance->name}, {"price", nullptr}};
  if (forecast.priced()) {
    json["cost"]["price"] = forecast.price();
    json["cost"]["hours"] = forecast.hours();
    json["cost"]["kwh"] = forecast.kwh() > 0 ? Json(forecast.kwh()) : Json(nullptr);
    json["cost"]["extrapolated"] = forecast.cost.extrapolated;
  }
  return json;
}

std::string describe_time(const Forecast& forecast) {
  if (forecast.plan.throughput() <= 0) {
    return "time unknown, as no rate was measured: `smol measure` measures this one, `smol plan` makes plans that know "
           "theirs";
  }
  return fmt::format("about {:.1f} s at the {:.1f} items/s that were {}{}", forecast.seconds(), forecast.plan.throughput(),
                     forecast.measured() ? "measured" : "predicted",
                     forecast.other_machine.empty() ? " here" : " on another machine: " + forecast.other_machine);
}

std::string describe_price(const Forecast& forecast, const std::string& currency) {
  if (!can_run_on(forecast.plan, *forecast.instance))
    return fmt::format("  price: this plan needs an accelerator, and {} has none\n", forecast.instance->name);
  if (!forecast.priced()) return "  price unknown, as no rate was measured\n";
  return fmt::format("  price: about {:.4g} {} on {}: {:.4g} h at {:.1f} items/s{}{}\n", forecast.price(), currency,
                     forecast.instance->name, forecast.hours(), forecast.cost.items_per_s,
                     forecast.cost.extrapolated ? " (extrapolated: it has other vCPUs than were measured with)" : "",
                     forecast.kwh() > 0 ? fmt::format("; {:.4g} kWh", forecast.kwh()) : "");
}

std::string describe(const Forecast& forecast, const std::string& currency) {
  std::string text =
      fmt::format("{}: {}, {}\n", forecast.plan.id, counted(forecast.num_items, "item"), describe_time(forecast));
  if (forecast.instance) text += describe_price(forecast, currency);
  if (const auto& cost = forecast.preprocessing) {
    text += fmt::format(
        "  preprocessing is estimated to cost {:.3f} million 8-bit multiply-adds an item: decode {:.3f}, the rest {:.3f}\n",
        cost->total() / 1e6, cost->decode / 1e6, (cost->total() - cost->decode) / 1e6);
  }
  return text;
}

/// What the price file says of the machine that was named; empty without one.
struct Pricing {
  std::string currency;
  std::optional<Instance> instance;
};
Result<Pricing> pricing_of(const RunArguments& arguments) {
  if (arguments.prices.empty()) return Pricing{};
  SMOL_ASSIGN_OR_RETURN(const Prices prices, load_prices(arguments.prices));
  const Result<Instance> found = prices.find(arguments.instance);
  if (!found.ok()) return as_usage(found.error());
  return Pricing{prices.currency, *found};
}

// `planned`: the file that the plans are of; null: a model card.
Status print_dry_run(const Runtime& runtime, const std::vector<Plan>& plans, const PlanSet* planned,
                     const RunArguments& arguments, const Dataset& dataset, std::int64_t num_items, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const std::string rendition, choose_rendition(arguments, plans.front(), dataset));
  SMOL_ASSIGN_OR_RETURN(const std::string regions, describe_regions(runtime, plans, dataset, rendition));
  SMOL_ASSIGN_OR_RETURN(const std::vector<std::string> disabled_rules, disabled_rules_of(arguments));
  SMOL_ASSIGN_OR_RETURN(const Pricing pricing, pricing_of(arguments));
  const auto& [currency, instance] = pricing;
  Json json = Json::array();
  for (const Plan& plan : plans) {
    Forecast forecast{plan, num_items, {}, {}, instance, {}};
    if (planned != nullptr && planned->machine != machine_name())
      forecast.other_machine = planned->machine.empty() ? "not known" : planned->machine;
    if (planned != nullptr && instance) forecast.cost = cost_of(plan, *instance, planned->cores, planned->overlap_exponent);
    const Result<OptimizerAccount> account = account_for(runtime, plan, dataset, disabled_rules);
    if (account.ok()) forecast.preprocessing = account->cost_of(plan);
    Json entry = to_json(forecast);
    if (!regions.empty()) entry["regions"] = regions.substr(0, regions.size() - 1);
    json.push_back(std::move(entry));
    if (!context.json) fmt::print("{}", describe(forecast, currency));
  }
  if (context.json) {
    context.answer(std::move(json));
  } else {
    fmt::print("{}", regions);
  }
  return {};
}

// Which plan of the file is taken where none was named, and why.
void say_which(const PlanSet& planned, const Plan& plan) {
  const Decision& decision = planned.decision;
  const std::string reason = plan.id != planned.chosen ? "the first of the file, which names none as chosen"
                             : decision.reason.empty() ? "the chosen one of the file"
                                                       : decision.reason;
  fmt::print(stderr, "plan {}: {}{}\n", plan.id, decision.constraint.empty() ? "" : decision.constraint + ": ", reason);
}

// The plans of the file, measured again on this input; a folder stands for the rendition of the file's chosen plan.
Result<PlanSet> plan_again(const Runtime& runtime, const RunArguments& arguments, const PlanSet& planned, Dataset dataset,
                           Context& context) {
  const Result<const Plan*> chosen = planned.find("");
  if (dataset.renditions.size() == 1 && arguments.rendition.empty() && chosen.ok())
    dataset.renditions.front().name = (*chosen)->rendition;
  PlanOptions options;
  options.stop = context.stop;
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  SMOL_ASSIGN_OR_RETURN(const Pricing pricing, pricing_of(arguments));
  options.instance = pricing.instance;
  ProgressBar bar("replan", context.quiet);
  options.on_progress = [&bar](const std::string& what, double done_s, double left_s) { bar.update(what, done_s, left_s); };
  Result<PlanSet> again = replan(runtime, dataset, planned, options);
  bar.clear();
  return again;
}

// Of the same machine and the plan's own shape: a rate that the plan did not expect, and what can be done about it.
void say_if_unexpected(const RunArguments& arguments, const std::vector<Plan>& plans, const PlanSet& planned,
                       const RunReport& report) {
  constexpr std::int64_t kLeastItems = 200;
  constexpr double kLeastSeconds = 2, kExpected = 1.3;
  const bool other_shape = arguments.batch > 0 || arguments.workers > 0 || arguments.streams > 0 ||
                           !arguments.hint.empty() || !arguments.without.empty() || arguments.io_threads >= 0;
  if (plans.size() > 1 || other_shape || planned.machine != machine_name() || plans.front().throughput() <= 0) return;
  if (report.items < kLeastItems || report.seconds < kLeastSeconds || report.error_rows > report.rows / 10) return;
  const double expected = plans.front().throughput(), ratio = report.throughput() / expected;
  if (ratio < kExpected && ratio > 1 / kExpected) return;
  fmt::print(stderr,
             "smol: this run did {:.1f} items/s where the plan had {:.1f}: the machine or the items are not as they were "
             "when it was made, and another plan may be faster now; --replan measures the file's plans on the input first\n",
             report.throughput(), expected);
}

void print_report(const RunArguments& arguments, const std::vector<Plan>& plans, const RunReport& report,
                  const Dataset& dataset, Context& context) {
  if (context.json) {
    Json json = cli::to_json(report);
    json["passed_over"] = dataset.num_passed_over;
    json["output"] = arguments.output;
    for (const Plan& plan : plans) json["plans"].push_back(plan.id);
    context.answer(std::move(json));
    return;
  }
  if (context.quiet) return;
  fmt::print("plan {}\n{} in {:.2f} s: {:.1f} items/s, {} ({}), {} already done", plans.front().id,
             counted(report.items, "item"), report.seconds, report.throughput(), counted(report.rows, "row"),
             counted(report.error_rows, "error"), report.skipped);
  if (report.earlier_error_rows > 0) {
    fmt::print(" ({} among them; --retry-failed runs their items again)", counted(report.earlier_error_rows, "error"));
  }
  fmt::print("\n");
  for (const auto& [code, count] : report.errors_by_code) fmt::print("  {} {}\n", count, code);
  fmt::print("{}wrote {}\n", format_report(report), arguments.output);
}

// A run that could not answer for all items has failed, unless it was told how many may.
Status judge(const RunArguments& arguments, const RunReport& report, Context& context) {
  if (report.cancelled) {
    return Error{ErrorCode::kCancelled,
                 "stopped; the finished parts are valid, continue with --resume: " + arguments.output};
  }
  const std::int64_t errors = report.error_rows + report.earlier_error_rows;
  if (errors == 0 || !arguments.max_failures.empty()) return {};
  context.exit_code = 1;
  fmt::print(stderr, "smol: {} (column error_code); --max-failures 100% accepts {}\n",
             errors == 1 ? "1 row is an error" : fmt::format("{} rows are errors", errors), errors == 1 ? "it" : "them");
  return {};
}

// What needs all items before the first is not to be had of items that are named as they come.
Status check_lines(const RunArguments& arguments) {
  if (!arguments.replan && !arguments.dry_run) return {};
  return Error{ErrorCode::kInvalidArgument,
               "--replan and --dry-run need to know all items; name a list (.txt) or a folder in place of -"};
}

Status run(const RunArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const ParquetOptions output, parquet_options(arguments));
  if (!arguments.prices.empty() && !arguments.dry_run && !arguments.replan)
    return Error{ErrorCode::kInvalidArgument, "--prices belongs to --dry-run and --replan: " + arguments.prices};
  SMOL_ASSIGN_OR_RETURN(RunOptions options, run_options(arguments, context));
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  LinesInput lines;
  if (arguments.input == kStandardInput) {
    SMOL_RETURN_IF_ERROR(check_lines(arguments));
    const char separator = arguments.null_separated ? '\0' : '\n';
    SMOL_ASSIGN_OR_RETURN(lines, open_lines(separator, output.shard, output.num_shards, context.stop));
  }
  Result<Dataset> opened =
      lines.source ? std::move(lines.sample) : open_input(runtime, arguments.input, context, arguments.frames);
  if (!opened.ok()) return std::move(opened).error();
  const Dataset& dataset = *opened;
  warn_of_passed_over(dataset);
  Result<PlanSet> planned = load_plans(arguments.plans, runtime.user_operators);
  std::vector<Plan> plans;
  if (arguments.replan) {
    if (!planned.ok() && planned.error().code == ErrorCode::kNotFound) return planned.error();
    if (!planned.ok())
      return Error{ErrorCode::kInvalidArgument, "--replan needs a plan file, made by `smol plan`: " + arguments.plans};
    SMOL_ASSIGN_OR_RETURN(*planned, plan_again(runtime, arguments, *planned, dataset, context));
    const Result<const Plan*> chosen = planned->find("");
    if (!chosen.ok()) return as_usage(chosen.error());
    plans.push_back(**chosen);
    set_shape(plans.front(), arguments);
  } else {
    SMOL_ASSIGN_OR_RETURN(plans, choose_plans(runtime, arguments, dataset, output.num_shards));
  }
  SMOL_ASSIGN_OR_RETURN(const std::string rendition, choose_rendition(arguments, plans.front(), dataset));
  const std::unique_ptr<Source> source =
      lines.source ? std::move(lines.source) : dataset.open(rendition, output.shard, output.num_shards);
  if (planned.ok() && arguments.plan_ids.empty() && !context.quiet && !context.json) say_which(*planned, plans.front());
  if (arguments.dry_run) {
    return print_dry_run(runtime, plans, planned.ok() ? &*planned : nullptr, arguments, dataset, source->size().value_or(0),
                         context);
  }
  std::vector<CompiledPlan> compiled;
  for (const Plan& plan : plans) {
    SMOL_ASSIGN_OR_RETURN(CompiledPlan ready, compile(runtime, plan, options));
    compiled.push_back(std::move(ready));
  }
  SMOL_ASSIGN_OR_RETURN(const std::unique_ptr<Sink> sink, create_parquet_sink(arguments.output, compiled, output));
  context.stop_in_good_order("rows that are done are kept");
  ProgressBar bar("run", context.quiet);
  options.on_progress = [&bar](const Progress& progress) { bar.update(progress); };
  const Result<RunReport> report = execute(runtime, compiled, *source, *sink, options);
  bar.clear();
  if (!report.ok()) return report.error();
  print_report(arguments, plans, *report, dataset, context);
  if (planned.ok()) say_if_unexpected(arguments, plans, *planned, *report);
  return judge(arguments, *report, context);
}

void add_dry_run(CLI::App& command, RunArguments& arguments) {
  command.add_flag("--dry-run", arguments.dry_run, "Print what would run and how long it would take");
  CLI::Option* prices = command.add_option(
      "--prices", arguments.prices,
      "With --dry-run: what machines cost (docs/howto/reckon-costs.md), to print what this run would cost; with --replan: "
      "needed by plans that were made under --max-cost");
  command.add_option("--instance", arguments.instance, "Which machine of the price file (default: the first)")
      ->needs(prices);
}

// How much of the machine is used, in place of what the plan says.
void add_shape(CLI::App& command, RunArguments& arguments) {
  command
      .add_option("--batch", arguments.batch,
                  "Override the plan's batch (of a model card: the fastest for 5000 pictures and more, else 1)")
      ->check(CLI::Range(1, 4096));
  command.add_option("--workers", arguments.workers, "Override the number of decoding threads")->check(CLI::Range(1, 1024));
  command.add_option("--streams", arguments.streams, "Override the number of inferences in flight")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--hint", arguments.hint,
                  "latency: one picture at a time on all cores, for the shortest answer; throughput (default: the plan's)")
      ->check(CLI::IsMember({"latency", "throughput"}));
  command
      .add_option("--io-threads", arguments.io_threads,
                  "Threads that read ahead, for slow storage; 0: workers read for themselves (default: the plan's)")
      ->check(CLI::Range(0, 1024));
}

}  // namespace

void add_run(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<RunArguments>();
  CLI::App* command = program.add_subcommand("run", "Run a plan over pictures and write Parquet");
  command->add_option("PLANS", arguments->plans, "Plan file made by `smol plan`, or a model card (its exact plan is run)")
      ->required();
  command
      ->add_option(
          "INPUT", arguments->input,
          "Folder, picture, video, dataset file (.yaml), list (.txt: one item a line; blank lines and # comments are "
          "passed over), archive (.tar, .zip), folder or pattern of archives (shards/{0000..0009}.tar), table "
          "(.parquet), address (s3://, http://), or - for a list on standard input")
      ->required();
  add_frames_option(*command, arguments->frames);
  command->add_flag("-0,--null", arguments->null_separated, "With -: names end in a NUL, not in a line end (find -print0)");
  command->add_option("-o,--output", arguments->output, "Folder for part files, or one file ending in .parquet")->required();
  command->add_option("--plan", arguments->plan_ids, "Plan id; repeat it to run several models over one decoding");
  command->add_option("--rendition", arguments->rendition, "Rendition of the input, when it differs from the plan's");
  command->add_option("--shard", arguments->shard, "I/N: only every N-th item, beginning with the I-th");
  command->add_flag("--resume", arguments->resume, "Continue: items whose rows are already there are skipped");
  command->add_flag("--retry-failed", arguments->retry_failed,
                    "With --resume: run items again whose rows are errors; new rows replace them");
  command->add_flag("--overwrite", arguments->overwrite, "Replace an existing output");
  command->add_flag("--ordered", arguments->ordered, "Rows in the order of the input");
  command->add_flag("--stage-times", arguments->stage_times, "A column of microseconds for each stage");
  command->add_option("--part-rows", arguments->part_rows, "Rows of a part file")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str();
  command
      ->add_flag("--replan", arguments->replan,
                 "Measure the file's plans again on this input first, and run the one that meets its constraint best here")
      ->excludes("--plan")
      ->excludes("--resume");
  add_dry_run(*command, *arguments);
  command
      ->add_option("--fail-on", arguments->fail_on,
                   "How strict decoding is; --resume does items again that were run with another")
      ->check(CLI::IsMember({"none", "truncated", "error", "warning"}))
      ->capture_default_str();
  command->add_option(
      "--max-failures", arguments->max_failures,
      "Stop with exit 1 when more items fail, e.g. 1%; below it errors are accepted (--resume counts earlier ones, too)");
  add_background(*command, arguments->background);
  add_limits(*command, arguments->limits);
  command->add_option(
      "--memory", arguments->memory,
      "Bound on batch buffers, pictures being decoded and rows, e.g. 512M (default: a quarter of the machine's)");
  add_shape(*command, *arguments);
  command
      ->add_option("--without", arguments->without,
                   "Switch an optimisation off to see what it buys: " + std::string(kWithoutInRuns))
      ->group("Advanced");
  command->add_option("--disable-rule", arguments->disabled_rules, "With a model card: leave out an optimizer rule")
      ->group("Advanced");
  command->footer(
      "Examples:\n"
      "  smol run plans.yaml photos/ -o results/\n"
      "  smol run plans.yaml photos/ -o results/ --resume            after an interruption, or when photos were added\n"
      "  smol run plans.yaml photos/ -o results/ --replan            on another machine than they were made on\n"
      "  smol run plans.yaml dataset.yaml -o out.parquet --plan lite0/full/exact --max-failures 1%\n"
      "  smol run card.yaml photos/ -o results/ --shard 0/4\n"
      "  smol run card.yaml 's3://bucket/photos' -o results/ --io-threads 16\n"
      "  find photos -name '*.jpg' | smol run card.yaml - -o results/");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
