#include "engine/measure.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <memory>

#include "base/statistics.h"
#include "cli/command.h"
#include "engine/unfused.h"

namespace smol::cli {
namespace {

struct MeasureArguments {
  std::string plans, id, input, frames;
  std::vector<std::string> disabled_rules, without;
  int repeats = 5, batch = 0;
  double seconds = 1.0;
  bool unfused = false;
  LimitArguments limits;
};

struct Rates {
  std::vector<double> preprocess, infer, together;
  RunReport last;
};

constexpr std::int64_t kItemsToWarmUp = 64;

/// The items of the input that can be measured, and why the others cannot.
struct Items {
  std::vector<Item> good;
  std::map<std::string, Error> failures;
};

/// Drops answers, keeps which items failed.
class FailureSink final : public Sink {
 public:
  Status write(std::span<const Row> rows) override {
    for (const Row& row : rows) {
      if (row.error) failures_.emplace(row.item, *row.error);
    }
    return {};
  }
  Status finish(bool /*complete*/) override { return {}; }
  [[nodiscard]] const std::map<std::string, Error>& failures() const { return failures_; }

 private:
  std::map<std::string, Error> failures_;
};

std::vector<Item> all_items(Source& source) {
  std::vector<Item> items;
  for (auto item = source.next(); item.ok() && *item; item = source.next()) items.push_back(**item);
  return items;
}

// One run over the input warms up and finds the items that fail: they would pass for fast ones.
Result<Items> try_items(const Runtime& runtime, CompiledPlan& compiled, const std::vector<Item>& all,
                        const RunOptions& options) {
  FailureSink sink;
  const std::unique_ptr<Source> source = from_items(all);
  SMOL_ASSIGN_OR_RETURN(const RunReport report, execute(runtime, {&compiled, 1}, *source, sink, options));
  if (report.cancelled) return Error{ErrorCode::kCancelled, "measuring was stopped"};
  Items items{{}, sink.failures()};
  std::copy_if(all.begin(), all.end(), std::back_inserter(items.good),
               [&](const Item& item) { return !items.failures.contains(item.id); });
  if (!items.good.empty()) return items;
  const auto& [name, error] = *items.failures.begin();
  return Error{error.code,
               fmt::format("all of {} failed, so there is nothing to measure; the first, {}: {}",
                           counted(static_cast<std::int64_t>(all.size()), "item"), name, error.message),
               error.stage};
}

// Each part alone and both together, interleaved, so that a drifting machine hits all alike.
Result<Rates> measure_rates(const Runtime& runtime, CompiledPlan& compiled, const std::vector<Item>& items,
                            const MeasureArguments& arguments, const RunOptions& options, ProgressBar& bar) {
  Rates rates;
  // Of six pictures the time would be that of filling and draining the pipeline.
  auto count = std::max<std::int64_t>(static_cast<std::int64_t>(items.size()), kItemsToWarmUp);
  for (int repeat = -1; repeat < arguments.repeats; ++repeat) {
    const std::unique_ptr<Source> preprocess_source = repeat_items(items, count);
    SMOL_ASSIGN_OR_RETURN(const RunReport preprocess, measure_preprocessing(runtime, compiled, *preprocess_source, options));
    SMOL_ASSIGN_OR_RETURN(const double infer, measure_inference(compiled, repeat < 0 ? 0.2 : arguments.seconds));
    SMOL_ASSIGN_OR_RETURN(const WholeRate together, measure_whole(runtime, compiled, items, arguments.seconds,
                                                                  static_cast<double>(count) / arguments.seconds, options));
    if (repeat < 0) {  // the first round warms up and tells how many items a measurement needs
      count = std::max<std::int64_t>(static_cast<std::int64_t>(together.items_per_s * arguments.seconds), 32);
      continue;
    }
    rates.preprocess.push_back(preprocess.throughput());
    rates.infer.push_back(infer);
    rates.together.push_back(together.items_per_s);
    rates.last = together.report;
    Progress progress;
    progress.items = repeat + 1;
    progress.total = arguments.repeats;
    progress.seconds = arguments.seconds * 3 * (repeat + 1);
    bar.update(progress);
  }
  return rates;
}

std::string describe_failures(const Items& items, std::size_t num_items) {
  if (items.failures.empty()) return "";
  const auto& [name, error] = *items.failures.begin();
  return fmt::format("{} of {} items failed and are left out of the rates; the first, {}: {}\n", items.failures.size(),
                     num_items, name, error.to_string());
}

std::string rate_line(const char* what, const std::vector<double>& samples) {
  return fmt::format("{:<28} {:10.1f} items/s  ({:.1f}-{:.1f})\n", what, median(samples), quantile(samples, 0),
                     quantile(samples, 1));
}

Json rate_json(const std::vector<double>& samples) { return Json{{"median", median(samples)}, {"samples", samples}}; }

/// All that was measured of one plan.
struct Measurement {
  Plan plan;
  std::string rendition;
  std::size_t num_items = 0;
  Items tried;
  Rates rates;
  std::optional<UnfusedCosts> unfused;
  std::optional<double> transfer_us;  ///< beside `unfused`, where the device has memory of its own
  bool simulated = false;

  [[nodiscard]] double preprocess() const { return median(rates.preprocess); }
  [[nodiscard]] double infer() const { return median(rates.infer); }
  [[nodiscard]] double together() const { return median(rates.together); }
  [[nodiscard]] double harmonic() const { return 1 / (1 / preprocess() + 1 / infer()); }
  [[nodiscard]] double minimum() const { return std::min(preprocess(), infer()); }
};

Json to_json(const Measurement& measured) {
  Json json{{"plan", measured.plan.id},
            {"items", measured.num_items},
            {"failed_items", measured.tried.failures.size()},
            {"preprocess_alone", rate_json(measured.rates.preprocess)},
            {"infer_alone", rate_json(measured.rates.infer)},
            {"together", rate_json(measured.rates.together)},
            {"harmonic_bound", measured.harmonic()},
            {"fraction_of_harmonic", measured.together() / measured.harmonic()},
            {"minimum_bound", measured.minimum()},
            {"report", cli::to_json(measured.rates.last)}};
  if (!measured.tried.failures.empty()) {
    const auto& [name, error] = *measured.tried.failures.begin();
    json["first_failure"] = {{"item", name}, {"code", name_of(error.code)}, {"message", error.message}};
  }
  if (measured.unfused) {
    const UnfusedCosts& unfused = *measured.unfused;
    json["unfused_us"] = {{"read", unfused.read_us},
                          {"decode", unfused.decode_us},
                          {"resize_crop", unfused.resize_crop_us},
                          {"convert_normalize", unfused.convert_normalize_us},
                          {"layout", unfused.layout_us},
                          {"transfer", measured.transfer_us ? Json(*measured.transfer_us) : Json(nullptr)},
                          {"fused", unfused.fused_us},
                          {"infer_all_cores", 1e6 / measured.infer()}};
  }
  return json;
}

std::string describe_unfused(const Measurement& measured) {
  const UnfusedCosts& unfused = *measured.unfused;
  const double steps = unfused.decode_us + unfused.resize_crop_us + unfused.convert_normalize_us + unfused.layout_us;
  const std::string transfer = measured.transfer_us
                                   ? fmt::format("{:.1f}{}", *measured.transfer_us, measured.simulated ? " (simulated)" : "")
                                   : "none (host memory is the device's)";
  return fmt::format(
      "\neach step on its own, one thread, microseconds an item\n"
      "  read {:.1f}, decode {:.1f}, resize + crop {:.1f}, convert + normalise {:.1f}, layout {:.1f}: {:.1f} without "
      "reading\n"
      "  fused and with region decoding: {:.1f} ({:.2f}x)\n  transfer to and from the device: {}\n"
      "  inference with all cores: {:.1f}\n",
      unfused.read_us, unfused.decode_us, unfused.resize_crop_us, unfused.convert_normalize_us, unfused.layout_us, steps,
      unfused.fused_us, steps / unfused.fused_us, transfer, 1e6 / measured.infer());
}

void print_text(const Measurement& measured) {
  const double harmonic = measured.harmonic(), minimum = measured.minimum(), together = measured.together();
  const Rates& rates = measured.rates;
  fmt::print("plan {}, {} of {}\n{}", measured.plan.id, counted(static_cast<std::int64_t>(measured.num_items), "item"),
             measured.rendition, describe_failures(measured.tried, measured.num_items));
  fmt::print("{}{}{}", rate_line("preprocessing alone", rates.preprocess), rate_line("inference alone", rates.infer),
             rate_line("both together", rates.together));
  fmt::print("{:<28} {:10.1f} items/s  together reaches {:.2f} of it\n", "harmonic bound (shared cores)", harmonic,
             together / harmonic);
  fmt::print("{:<28} {:10.1f} items/s  together reaches {:.2f} of it\n\n{}", "minimum (separate resources)", minimum,
             together / minimum, format_report(rates.last));
  if (measured.unfused) fmt::print("{}", describe_unfused(measured));
}

Result<Plan> choose_plan(const Runtime& runtime, const MeasureArguments& arguments, const Dataset& dataset,
                         WithoutOptions without) {
  without.disabled_rules.insert(without.disabled_rules.end(), arguments.disabled_rules.begin(),
                                arguments.disabled_rules.end());
  SMOL_ASSIGN_OR_RETURN(
      Plan plan, find_plan(runtime, arguments.plans, arguments.id, dataset, without.disabled_rules, arguments.batch == 0));
  warn_of_no_effect(runtime, plan, without);
  if (arguments.batch > 0) plan.shape.batch = arguments.batch;
  return plan;
}

Status measure_steps(const Runtime& runtime, CompiledPlan& compiled, const DecodeLimits& limits, Measurement& measured) {
  constexpr std::size_t kMaxItems = 100;
  const std::vector<Item>& items = measured.tried.good;
  const std::vector<Item> sample(items.begin(),
                                 items.begin() + static_cast<std::ptrdiff_t>(std::min(items.size(), kMaxItems)));
  SMOL_ASSIGN_OR_RETURN(measured.transfer_us, measure_transfer(compiled, 15));
  SMOL_ASSIGN_OR_RETURN(measured.unfused, measure_unfused(runtime, measured.plan, *from_items(sample), 3, limits));
  measured.simulated = runtime.backends.find(measured.plan.backend).value()->capabilities().simulated;
  return {};
}

Status run(const MeasureArguments& arguments, Context& context) {
  SMOL_ASSIGN_OR_RETURN(const Runtime runtime, context.make_runtime());
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_input(runtime, arguments.input, context, arguments.frames));
  warn_of_passed_over(dataset);
  SMOL_ASSIGN_OR_RETURN(const WithoutOptions without, parse_without(arguments.without));
  Measurement measured;
  SMOL_ASSIGN_OR_RETURN(measured.plan, choose_plan(runtime, arguments, dataset, without));
  RunOptions options;
  SMOL_ASSIGN_OR_RETURN(options.limits, parse_limits(arguments.limits));
  options.stop = context.stop;
  options.ablation = without.ablation;
  SMOL_ASSIGN_OR_RETURN(CompiledPlan compiled, compile(runtime, measured.plan, options));
  measured.rendition = dataset.renditions.front().name;
  for (const Dataset::Rendition& entry : dataset.renditions) {
    if (entry.name == measured.plan.rendition) measured.rendition = entry.name;
  }
  context.stop_in_good_order("measuring keeps nothing");
  const std::vector<Item> all = all_items(*dataset.open(measured.rendition));
  measured.num_items = all.size();
  SMOL_ASSIGN_OR_RETURN(measured.tried, try_items(runtime, compiled, all, options));
  ProgressBar bar("measure", context.quiet);
  SMOL_ASSIGN_OR_RETURN(measured.rates, measure_rates(runtime, compiled, measured.tried.good, arguments, options, bar));
  bar.clear();
  if (arguments.unfused) SMOL_RETURN_IF_ERROR(measure_steps(runtime, compiled, options.limits, measured));
  if (context.json) {
    context.answer(to_json(measured));
  } else {
    print_text(measured);
  }
  return {};
}

}  // namespace

void add_measure(CLI::App& program, Context& context) {
  auto arguments = std::make_shared<MeasureArguments>();
  CLI::App* command = program.add_subcommand("measure", "Where the time of a plan goes: stages, bottleneck, bounds");
  command->add_option("PLANS", arguments->plans, "Plan file or model card")->required();
  command->add_option("INPUT", arguments->input, "Folder, picture, video, list, dataset file, archive, table or address")
      ->required();
  add_frames_option(*command, arguments->frames);
  command->add_option("--plan", arguments->id, "Plan id (default: the chosen one)");
  command->add_option("--repeats", arguments->repeats, "Interleaved repeats")
      ->check(CLI::Range(1, 99))
      ->capture_default_str();
  command->add_option("--seconds", arguments->seconds, "Length of one measurement")
      ->check(CLI::Range(0.1, 600.0))
      ->capture_default_str();
  command->add_option("--batch", arguments->batch, "Override the plan's batch (of a model card: the fastest)")
      ->check(CLI::Range(1, 4096));
  add_limits(*command, arguments->limits);
  command->add_flag("--unfused", arguments->unfused,
                    "Also time decode, resize + crop, convert + normalise, layout and transfer apart");
  command->add_option("--without", arguments->without, "Switch an optimisation off: " + std::string(kWithoutInRuns));
  command->add_option("--disable-rule", arguments->disabled_rules, "With a model card: leave out an optimizer rule");
  command->footer("Examples:\n  smol measure plans.yaml photos/\n  smol measure card.yaml photos/ --unfused --json");
  command->callback([arguments, &context] { context.finish([&] { return run(*arguments, context); }); });
}

}  // namespace smol::cli
