#include "cli/command.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "base/text_file.h"
#include "base/thread_budget.h"
#include "engine/decode_groups.h"
#include "planner/calibration.h"

namespace smol::cli {

void Context::fail(const Error& error) {
  exit_code = exit_code_of(error.code);
  if (json) {
    if (!result || !result->is_object()) result = Json::object();
    (*result)["error"] = {{"code", name_of(error.code)}, {"stage", name_of(error.stage)}, {"message", error.message}};
  }
  fmt::print(stderr, "smol: {}\n", error.message);
}

void Context::print_answer() const {
  // File names need not be UTF-8; JSON must be.
  if (result) fmt::print("{}\n", result->dump(2, ' ', false, Json::error_handler_t::replace));
}

Result<Runtime> Context::make_runtime() const {
  Runtime runtime;
  for (const std::string& plugin : plugins) SMOL_RETURN_IF_ERROR(load_plugin(runtime, plugin));
  return runtime;
}

Result<WithoutOptions> parse_without(const std::vector<std::string>& names, std::string_view allowed) {
  WithoutOptions options;
  const std::map<std::string, bool*> switches{{"threading", &options.ablation.threading},
                                              {"pipelining", &options.ablation.pipelining},
                                              {"buffer-reuse", &options.ablation.buffer_reuse},
                                              {"pinning", &options.ablation.pinning},
                                              {"over-allocation", &options.ablation.over_allocation},
                                              {"low-resolution", &options.low_resolution}};
  for (const std::string& name : names) {
    const auto found = switches.find(name);
    if (name.empty() || allowed.find(name) == std::string_view::npos ||
        (found == switches.end() && name != "dag" && name != "region")) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("--without takes here {}{}: {}", allowed,
                               name == "low-resolution" ? " (low-resolution is for `smol plan`)" : "", name)};
    }
    if (found != switches.end()) {
      *found->second = false;
    } else if (name == "dag") {  // operators run one by one in the order of the card
      options.disabled_rules.insert(options.disabled_rules.end(),
                                    {"fuse", "swap_crop_before_resize", "smaller_types_early"});
    } else {
      options.disabled_rules.emplace_back("push_region_into_decoder");
    }
  }
  return options;
}

void warn_of_no_effect(const Runtime& runtime, const Plan& plan, const WithoutOptions& without) {
  const Result<const Backend*> backend = runtime.backends.find(plan.backend);
  if (without.ablation.pinning || !backend.ok() || (*backend)->capabilities().separate_memory) return;
  fmt::print(stderr, "smol: --without pinning has no effect: the device's memory is the host's, backend {}\n", plan.backend);
}

std::string counted(std::int64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string user_cache_folder() {
  if (const char* named = std::getenv("SMOL_CACHE_DIR"); named != nullptr) return named;  // empty: none
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", "/smol"}, {"HOME", "/.cache/smol"}}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    std::string folder = std::string(value) + below;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error) return folder;
    fmt::print(stderr, "smol: nothing is kept for the next time: {}: {}\n", error.message(), folder);
    return "";
  }
  return "";
}

void add_frames_option(CLI::App& command, std::string& frames) {
  command
      .add_option(
          "--frames", frames,
          "Of a video: all (default), every:K, rate:R frames a second, key for those that decode alone, or reference for "
          "those that others are predicted from")
      ->check([](const std::string& text) {
        const Result<FrameSampling> sampling = parse_frame_sampling(text);
        return sampling.ok() ? std::string() : sampling.error().message;
      });
}

Result<Dataset> open_input(const Runtime& runtime, const std::string& name, const Context& context,
                           const std::string& frames) {
  DatasetOptions options;
  options.recognise = [&runtime](ByteView first_bytes) { return runtime.codecs.sniff(first_bytes) != nullptr; };
  if (!frames.empty()) {
    SMOL_ASSIGN_OR_RETURN(options.frames, parse_frame_sampling(frames));
  }
  options.index_folder = user_cache_folder();
  options.stop = context.stop;
  Result<Dataset> dataset = open_dataset(name, options);
  if (dataset.ok() && !frames.empty() && dataset->renditions.front().videos.empty())
    fmt::print(stderr, "smol: --frames has no effect: the input has no videos, {}\n", name);
  return dataset;
}

void warn_of_passed_over(const Dataset& dataset) {
  if (dataset.num_passed_over == 0) return;
  fmt::print(stderr, "smol: passed over what is no picture (other files, pipes, sockets, devices, dead links): {} in {}\n",
             dataset.num_passed_over, dataset.renditions.front().path);
}

Error as_usage(Error error) {
  error.code = ErrorCode::kInvalidArgument;
  return error;
}

std::string format_table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  const auto width_of = [](const std::string& cell) {
    return static_cast<std::size_t>(std::count_if(cell.begin(), cell.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  };
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string padding(widths[i] - width_of(row[i]), ' ');
      const bool number = !row[i].empty() && std::isdigit(static_cast<unsigned char>(row[i].front())) != 0;
      line += (i > 0 ? "  " : "") + (number && i > 0 ? padding + row[i] : row[i] + padding);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string format_plans(const PlanSet& plans, bool all) {
  const bool any_held_out = std::any_of(plans.plans.begin(), plans.plans.end(),
                                        [](const Plan& plan) { return plan.measured && plan.measured->held_out_accuracy; });
  std::vector<std::vector<std::string>> rows{{"", "plan", "items/s", "(min-max)", "predicted", "accuracy", "(95 %)"}};
  if (any_held_out) rows.front().push_back("held out");
  for (const char* title : {"alone: preprocessing", "DNN", "batch"}) rows.front().push_back(title);
  const auto percent = [](double fraction) { return fmt::format("{:.1f} %", 100 * fraction); };
  const auto rate = [](double value) { return value > 0 ? fmt::format("{:.1f}", value) : std::string("-"); };
  const auto add = [&](const Plan& plan, const char* mark) {
    const PlanMeasurement measured = plan.measured.value_or(PlanMeasurement{});
    const PlanPrediction predicted = plan.predicted.value_or(PlanPrediction{});
    const Estimate& whole = measured.throughput;
    std::vector<std::string> row{mark, plan.id + (plan.simulated ? " (simulated)" : ""), rate(whole.value),
                                 whole.value > 0 ? fmt::format("({:.1f}-{:.1f})", whole.low, whole.high) : "",
                                 rate(predicted.throughput)};
    row.push_back(measured.accuracy ? percent(measured.accuracy->value) : "-");
    row.push_back(measured.accuracy
                      ? fmt::format("({:.1f}-{:.1f})", 100 * measured.accuracy->low, 100 * measured.accuracy->high)
                      : "");
    if (any_held_out) row.push_back(measured.held_out_accuracy ? percent(measured.held_out_accuracy->value) : "-");
    row.push_back(rate(measured.preprocess_throughput > 0 ? measured.preprocess_throughput : predicted.preprocess));
    row.push_back(rate(measured.infer_throughput > 0 ? measured.infer_throughput : predicted.dnn_only));
    row.push_back(std::to_string(plan.shape.batch));
    rows.push_back(std::move(row));
  };
  for (const Plan& plan : plans.plans) add(plan, plan.id == plans.chosen ? "*" : " ");
  if (all) {
    for (const Plan& plan : plans.dominated) add(plan, "-");
  }
  return format_table(rows);
}

Json to_json(const Plan& plan) {
  const auto estimate = [](const std::optional<Estimate>& e) {
    return e ? Json{{"value", e->value}, {"low", e->low}, {"high", e->high}} : Json(nullptr);
  };
  Json json{{"id", plan.id},
            {"model", plan.model_name},
            {"backend", plan.backend},
            {"precision", name_of(plan.precision)},
            {"rendition", plan.rendition},
            {"fidelity", plan.fidelity},
            {"label", name_of(plan.pipeline.label)},
            {"batch", plan.shape.batch},
            {"simulated", plan.simulated},
            {"semantic_hash", plan.semantic_hash()}};
  if (plan.predicted) {
    const PlanPrediction& predicted = *plan.predicted;
    json["predicted"] = {
        {"throughput", predicted.throughput}, {"minimum", predicted.minimum},       {"sum", predicted.sum},
        {"dnn_only", predicted.dnn_only},     {"preprocess", predicted.preprocess}, {"latency_us", predicted.latency_us},
        {"bottleneck", predicted.bottleneck}};
  }
  const PlanMeasurement measured = plan.measured.value_or(PlanMeasurement{});
  const auto positive = [](double value) { return value > 0 ? Json(value) : Json(nullptr); };
  const auto optional = [](const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); };
  json["throughput"] = measured.throughput.value > 0 ? estimate(measured.throughput) : Json(nullptr);
  json["infer_throughput"] = positive(measured.infer_throughput);
  json["preprocess_throughput"] = positive(measured.preprocess_throughput);
  json["latency_us"] = positive(measured.latency_us);
  json["accuracy"] = estimate(measured.accuracy);
  json["accuracy_is_agreement"] = measured.agreement;
  json["accuracy_items"] = measured.num_items;
  json["held_out_accuracy"] = estimate(measured.held_out_accuracy);
  json["held_out_items"] = measured.num_held_out;
  json["accuracy_change"] = estimate(measured.accuracy_change);
  json["max_difference"] = optional(measured.max_difference);
  json["mean_difference"] = optional(measured.mean_difference);
  json["undecided_from"] = measured.undecided_from.empty() ? Json(nullptr) : Json(measured.undecided_from);
  json["held_for_calibration"] = measured.held_for_calibration;
  return json;
}

Json to_json(const RunReport& report) {
  Json json{{"items", report.items},
            {"skipped", report.skipped},
            {"rows", report.rows},
            {"error_rows", report.error_rows},
            {"earlier_error_rows", report.earlier_error_rows},
            {"decodes", report.decodes},
            {"thumbnails", report.thumbnails},
            {"thumbnail_fallbacks", report.thumbnail_fallbacks},
            {"peak_memory_bytes", report.peak_memory_bytes},
            {"errors_by_code", report.errors_by_code},
            {"seconds", report.seconds},
            {"cpu_seconds", report.cpu_seconds},
            {"throughput", report.throughput()},
            {"host_workers", report.host_workers},
            {"streams", report.streams},
            {"runnable_threads", report.runnable_threads},
            {"batch", report.batch},
            {"slots", report.slots},
            {"worker_wait_seconds", report.worker_wait_seconds},
            {"device_idle_fraction", report.device_idle_fraction},
            {"cancelled", report.cancelled}};
  for (int stage = 0; stage < kNumStages; ++stage) {
    const StageSummary& summary = report.stages[stage];
    if (summary.count == 0) continue;
    json["stages"][std::string(name_of(static_cast<Stage>(stage)))] =
        Json{{"count", summary.count},   {"mean_us", summary.total_us / static_cast<double>(summary.count)},
             {"p50_us", summary.p50_us}, {"p95_us", summary.p95_us},
             {"p99_us", summary.p99_us}, {"total_us", summary.total_us}};
  }
  return json;
}

std::string format_report(const RunReport& report) {
  std::vector<std::vector<std::string>> rows{{"stage", "mean us/item", "p50", "p95", "p99", "share"}};
  double total = 0;
  // Waiting costs latency, not work: it has no share.
  const auto is_work = [](int stage) {
    return static_cast<Stage>(stage) != Stage::kQueue && static_cast<Stage>(stage) != Stage::kBatchWait;
  };
  for (int stage = 0; stage < kNumStages; ++stage) total += is_work(stage) ? report.stages[stage].total_us : 0;
  for (int stage = 0; stage < kNumStages; ++stage) {
    const StageSummary& s = report.stages[stage];
    if (s.count == 0) continue;
    rows.push_back({std::string(name_of(static_cast<Stage>(stage))),
                    fmt::format("{:.1f}", s.total_us / static_cast<double>(s.count)), fmt::format("{:.1f}", s.p50_us),
                    fmt::format("{:.1f}", s.p95_us), fmt::format("{:.1f}", s.p99_us),
                    is_work(stage) ? fmt::format("{:.1f} %", 100 * s.total_us / total) : "-"});
  }
  if (rows.size() == 1) return "";
  std::string text = format_table(rows);
  const double waiting = report.worker_wait_seconds / std::max(report.seconds * report.host_workers, 1e-9);
  text += fmt::format(
      "workers {}, streams {}: {} runnable threads on {}; batch {}, batch buffers {}\n"
      "workers waited for a buffer {:.0f} % of the time, no inference was in flight {:.0f} %\n",
      report.host_workers, report.streams, report.runnable_threads, counted(available_cores(), "core"), report.batch,
      report.slots, 100 * waiting, 100 * report.device_idle_fraction);
  if (report.thumbnails + report.thumbnail_fallbacks > 0) {
    text += fmt::format("embedded thumbnails stood in for {} of {}; the others were decoded whole\n", report.thumbnails,
                        counted(report.thumbnails + report.thumbnail_fallbacks, "picture"));
  }
  text += waiting > 0.2                       ? "bottleneck: inference (workers wait for it)\n"
          : report.device_idle_fraction > 0.2 ? "bottleneck: decoding and preprocessing (inference runs dry)\n"
                                              : "balanced: decoding and inference keep the machine busy together\n";
  return text;
}

ProgressBar::ProgressBar(std::string what, bool quiet)
    : what_(std::move(what)), quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressBar::~ProgressBar() { clear(); }

void ProgressBar::clear() {
  if (drawn_ && terminal_) fmt::print(stderr, "\r\033[K");
  drawn_ = false;
}

void ProgressBar::update(const Progress& progress) {
  if (quiet_) return;
  if (!terminal_ && progress.seconds - last_line_seconds_ < 10) return;
  last_line_seconds_ = progress.seconds;
  const double rate = progress.seconds > 0 ? static_cast<double>(progress.items) / progress.seconds : 0;
  const std::int64_t done = progress.items + progress.skipped;
  std::string line = fmt::format("{} {}", what_, done);
  if (progress.total && *progress.total > 0) {
    const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(*progress.total));
    constexpr int kWidth = 24;
    const int filled = static_cast<int>(share * kWidth);
    line = fmt::format("{} [{}{}] {}/{}", what_, std::string(filled, '#'), std::string(kWidth - filled, '.'), done,
                       *progress.total);
    if (rate > 0) line += fmt::format(", {:.0f} s left", static_cast<double>(*progress.total - done) / rate);
  }
  line += fmt::format(", {:.1f} items/s", rate);
  if (progress.skipped > 0) line += fmt::format(", {} already done", progress.skipped);
  if (progress.errors > 0) line += fmt::format(", {} failed", progress.errors);
  draw(line);
}

void ProgressBar::update(const std::string& what, double done_s, double seconds_left) {
  if (quiet_) return;
  if (!terminal_ && done_s - last_line_seconds_ < 10) return;
  last_line_seconds_ = done_s;
  constexpr int kWidth = 24;
  const int filled = static_cast<int>(kWidth * done_s / std::max(0.001, done_s + seconds_left));
  draw(fmt::format("{} [{}{}] {:.0f} s, about {:.0f} s left: {}", what_, std::string(filled, '#'),
                   std::string(kWidth - filled, '.'), done_s, seconds_left, what));
}

void ProgressBar::draw(const std::string& line) {
  fmt::print(stderr, "{}{}{}", terminal_ ? "\r" : "", line, terminal_ ? "\033[K" : "\n");
  std::fflush(stderr);
  drawn_ = true;
}

Result<std::string> describe_regions(const Runtime& runtime, std::span<const Plan> plans, const Dataset& dataset,
                                     const std::string& rendition) {
  if (dataset.regions.empty()) return std::string{};
  const auto found = std::find_if(dataset.renditions.begin(), dataset.renditions.end(),
                                  [&](const Dataset::Rendition& entry) { return entry.name == rendition; });
  const Dataset::Rendition& read = found == dataset.renditions.end() ? dataset.renditions.front() : *found;
  const std::vector<Item> sample = calibration_items(dataset, read, choose_calibration(dataset, 0));
  SMOL_ASSIGN_OR_RETURN(const RegionSurvey survey, survey_regions(runtime, plans, sample));
  if (survey.shared + survey.separate == 0) return std::string{};
  return fmt::format(
      "regions: pictures with several are decoded once over the union in {} of {} sampled cases, region by region in the "
      "others; estimated decoding cost {:+.1f} % against region by region\n",
      survey.shared, survey.shared + survey.separate, 100 * (survey.cost / survey.separate_cost - 1));
}

Result<std::int64_t> parse_size(const std::string& option, const std::string& text) {
  constexpr double kMost = 1LL << 60;
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  std::string unit(end, text.data() + text.size());
  for (char& c : unit) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  double factor = unit.empty() || unit == "B" ? 1 : 0;
  for (const auto& [name, power] : {std::pair{"K", 10}, {"M", 20}, {"G", 30}, {"T", 40}}) {
    if (unit == name || unit == std::string(name) + "B" || unit == std::string(name) + "IB") factor = std::exp2(power);
  }
  if ((failure != std::errc{} && failure != std::errc::result_out_of_range) || factor == 0) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} takes a size like 512M or 2G (K, M, G, T): {}", option, text)};
  }
  const double size = value * factor;
  if (failure != std::errc{} || !(size >= 1 && size <= kMost)) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{} must lie between 1 and {}T: {}", option, 1LL << 20, text)};
  }
  return static_cast<std::int64_t>(size);
}

void add_limits(CLI::App& command, LimitArguments& arguments) {
  command.add_option("--max-pixels", arguments.max_pixels, "Refuse larger pictures, e.g. 500M (default 256M)");
  command
      .add_option("--max-scans", arguments.max_scans,
                  "Refuse progressive JPEGs of more scans: each costs a pass over the picture")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
}

Result<DecodeLimits> parse_limits(const LimitArguments& arguments) {
  DecodeLimits limits;
  limits.max_scans = arguments.max_scans;
  if (arguments.max_pixels.empty()) return limits;
  SMOL_ASSIGN_OR_RETURN(limits.max_pixels, parse_size("--max-pixels", arguments.max_pixels));
  return limits;
}

void add_background(CLI::App& command, std::string& text) {
  command.add_option("--background", text, "#rrggbb that transparent pictures are laid on; else their alpha is dropped");
}

Result<std::optional<std::array<std::uint8_t, 3>>> parse_background(const std::string& text) {
  std::optional<std::array<std::uint8_t, 3>> color;
  if (text.empty()) return color;
  const bool six_digits =
      text.size() == 7 && text[0] == '#' && text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
  if (!six_digits) {
    return Error{ErrorCode::kInvalidArgument, "--background takes a colour like '#ffffff', six hexadecimal digits: " + text};
  }
  const unsigned long value = std::stoul(text.substr(1), nullptr, 16);
  color = {static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
  return color;
}

Result<double> parse_fraction(const std::string& text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(end, text.data() + text.size());
  if (unit == "%") value /= 100;
  if (failure != std::errc{} || (!unit.empty() && unit != "%") || value < 0 || value > 1) {
    return Error{ErrorCode::kInvalidArgument, "expected a fraction like 1% or 0.01: " + text};
  }
  return value;
}

Result<Rect> parse_rect(const std::string& text) {
  Rect rect;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%9d,%9d,%9d,%9d%c", &rect.x, &rect.y, &rect.width, &rect.height, &rest) != 4 ||
      rect.width <= 0 || rect.height <= 0) {
    return Error{ErrorCode::kInvalidArgument, "expected a region as X,Y,WIDTH,HEIGHT in pixels: " + text};
  }
  return rect;
}

Result<int> parse_scale(const std::string& text) {
  for (int denominator : {1, 2, 4, 8}) {
    if (text == fmt::format("1/{}", denominator) || text == std::to_string(denominator)) return denominator;
  }
  return Error{ErrorCode::kInvalidArgument, "the scale must be 1, 1/2, 1/4 or 1/8: " + text};
}

Result<Plan> find_plan(const Runtime& runtime, const std::string& plans_or_card, const std::string& id, const Dataset& input,
                       const std::vector<std::string>& disabled_rules, bool measure_batch,
                       const std::string& rendition_name) {
  const auto named = std::find_if(input.renditions.begin(), input.renditions.end(),
                                  [&](const Dataset::Rendition& entry) { return entry.name == rendition_name; });
  const Dataset::Rendition& rendition = named == input.renditions.end() ? input.renditions.front() : *named;
  PlanOptions options;
  options.disabled_rules = disabled_rules;
  Result<PlanSet> plans = load_plans(plans_or_card, runtime.user_operators);
  if (plans.ok() && !disabled_rules.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "--disable-rule and --without dag or region act on planning, which is done for these plans; give them to "
                 "`smol plan`, or name a model card in place of the plan file: " +
                     plans_or_card};
  }
  if (plans.ok()) {
    if (!plans->machine.empty() && plans->machine != machine_name()) {
      fmt::print(stderr,
                 "smol: these plans were measured on another machine; their rates do not hold here (`smol run --replan` "
                 "measures them): {}\n",
                 plans->machine);
    }
    const Result<const Plan*> found = plans->find(id);
    if (!found.ok()) return as_usage(found.error());
    return **found;
  }
  if (plans.error().code == ErrorCode::kNotFound) return plans.error();
  Result<ModelCard> card = load_model_card(plans_or_card, runtime.user_operators);
  options.measure_batch = measure_batch;
  if (card.ok()) {
    return exact_plan(runtime, plans_or_card, rendition.name,
                      calibration_items(input, rendition, choose_calibration(input, 0)), options);
  }
  // Neither: say what is wrong with the file that the user most likely meant. Only plan files have a key `plans`.
  const Result<std::string> text = read_text_file(plans_or_card);
  const bool looks_like_plans = text.ok() && text->find("\nplans:") != std::string::npos;
  return looks_like_plans ? plans.error() : card.error();
}

}  // namespace smol::cli
