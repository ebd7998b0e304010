#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "planner/planning.h"

namespace smol {
namespace {

Error refuse(const char* what, auto value) { return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", what, value)}; }

bool positive(double value) { return value > 0 && std::isfinite(value); }

// Measuring takes long: what can be wrong with the request is said before.
Status check(const PlanOptions& options) {
  if (options.min_accuracy && !(*options.min_accuracy >= 0 && *options.min_accuracy <= 1))
    return refuse("the least accuracy must be a fraction 0..1", *options.min_accuracy);
  if (options.min_throughput && !positive(*options.min_throughput))
    return refuse("the least throughput must be more than 0 items a second", *options.min_throughput);
  if (options.max_latency_ms && !positive(*options.max_latency_ms))
    return refuse("the greatest latency must be more than 0 ms", *options.max_latency_ms);
  if (options.max_cost && !positive(*options.max_cost))
    return refuse("the greatest cost of a million items must be more than 0", *options.max_cost);
  if (options.max_cost && !options.instance)
    return refuse("a greatest cost needs the price of a machine (a price file), given", *options.max_cost);
  if (options.calibration_items < 0)
    return refuse("the number of calibration items must be 0 (chosen for you) or more", options.calibration_items);
  if (options.repeats < 1) return refuse("a plan must be measured at least once, repeats", options.repeats);
  if (options.shape.batch < 1) return refuse("a batch must be 1 or more", options.shape.batch);
  if (options.time_budget_s < 0 || !std::isfinite(options.time_budget_s))
    return refuse("the time budget must be 0 (none) or more seconds", options.time_budget_s);
  return {};
}

// A folder that cannot be written is told of before anything is measured, not after.
Status check_cache(const std::string& folder) {
  if (folder.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && access(folder.c_str(), W_OK) == 0) return {};
  return Error{ErrorCode::kIo, fmt::format("the cache folder cannot be written ({}); name another one or plan without: {}",
                                           error ? error.message() : std::strerror(errno), folder)};
}

}  // namespace

Result<PlanSet> plan(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options, Profile* measured) {
  SMOL_RETURN_IF_ERROR(check(options));
  SMOL_RETURN_IF_ERROR(check_cache(options.cache_folder));
  Planning planning(runtime, dataset, options);
  Result<PlanSet> plans = planning.run();
  // Also what was found before a stop. A disk that fills up meanwhile costs the next planning time, not this one its plans.
  (void)planning.save_caches();
  if (plans.ok() && measured != nullptr) *measured = planning.profile();
  return plans;
}

Result<PlanSet> replan(const Runtime& runtime, const Dataset& dataset, const PlanSet& earlier, const PlanOptions& options) {
  PlanOptions again;
  again.repeats = options.repeats;
  again.calibration_items = options.calibration_items;
  again.limits = options.limits;
  again.instance = options.instance;
  again.time_budget_s = options.time_budget_s;
  again.stop = options.stop;
  again.on_progress = options.on_progress;
  again.min_accuracy = earlier.decision.min_accuracy;
  again.min_throughput = earlier.decision.min_throughput;
  again.max_latency_ms = earlier.decision.max_latency_ms;
  again.max_cost = earlier.decision.max_cost;
  SMOL_RETURN_IF_ERROR(check(again));
  return Planning(runtime, dataset, again).run_again(earlier);
}

Result<PlanSet> plan(const Profile& profile, const PlanOptions& options) {
  SMOL_RETURN_IF_ERROR(check(options));
  return plan_from_profile(profile, options);
}

}  // namespace smol
