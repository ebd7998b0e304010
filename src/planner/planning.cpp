#include "planner/planning.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <map>
#include <random>
#include <set>

#include "base/digest.h"
#include "base/statistics.h"
#include "base/thread_budget.h"
#include "planner/candidates.h"
#include "planner/cost_model.h"
#include "planner/frontier.h"
#include "smol/version.h"

namespace smol {
namespace {

constexpr double kStageSeconds = 0.25, kWholeSeconds = 0.6;
constexpr double kSameSpeed = 0.1;     ///< rates of an earlier planning that differ by more are measured again
constexpr double kCompileSeconds = 4;  ///< a model at several batches, with their rates: for the estimate of planning time

}  // namespace

Planning::Planning(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options)
    : runtime_(runtime),
      dataset_(dataset),
      options_(options),
      reference_rendition_(dataset.renditions.front().name),
      calibration_(choose_calibration(dataset, options.calibration_items)) {}

Result<PlanSet> Planning::run() {
  SMOL_RETURN_IF_ERROR(survey_renditions());
  SMOL_RETURN_IF_ERROR(gather_contenders());
  const Profile known = known_rates();
  overlap_exponents_ = known.overlap_exponents;
  profiler_ = std::make_unique<Profiler>(runtime_, options_, items_, known);
  book_ = std::make_unique<AnswerBook>(runtime_, dataset_, options_, *profiler_, units_of(calibration_.items));
  SMOL_RETURN_IF_ERROR(leave_out_failing_items());
  SMOL_RETURN_IF_ERROR(doubt_cached_rates());
  SMOL_RETURN_IF_ERROR(profile_stages());
  SMOL_RETURN_IF_ERROR(calibrate_overlap());
  predict_all();
  keep_best_placements();
  SMOL_RETURN_IF_ERROR(race_accuracies());
  SMOL_RETURN_IF_ERROR(measure_finalists());
  SMOL_RETURN_IF_ERROR(choose());
  SMOL_RETURN_IF_ERROR(estimate_on_held_out());
  SMOL_RETURN_IF_ERROR(measure_differences());
  SMOL_RETURN_IF_ERROR(measure_breakdown());
  return conclude();
}

Status Planning::survey_renditions() {
  for (const Dataset::Rendition& rendition : dataset_.renditions) {
    items_.push_back(rate_items(dataset_, rendition, calibration_));
    SMOL_ASSIGN_OR_RETURN(RenditionFacts facts, survey(runtime_, items_.back(), rendition.name));
    rendition_facts_.push_back(facts);
  }
  return {};
}

Status Planning::gather_contenders() {
  const std::vector<std::string>& models = options_.models.empty() ? dataset_.models : options_.models;
  if (models.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "no models to plan for: name cards with --models, or list them in the dataset file under `models`"};
  }
  std::set<std::string> compiled;
  for (const std::string& model : models) {
    SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(model, runtime_.user_operators));
    for (std::size_t rendition = 0; rendition < dataset_.renditions.size(); ++rendition) {
      SMOL_ASSIGN_OR_RETURN(std::vector<Plan> plans,
                            make_candidates(runtime_, card, model, dataset_.renditions[rendition].name,
                                            rendition_facts_[rendition], options_));
      for (Plan& plan : plans) {
        compiled.insert(Profiler::inference_key(plan));
        if (options_.max_latency_ms) {  // one picture at a time on all cores is the other end of the scale
          Plan quick = plan;
          quick.shape.batch = 1;
          quick.shape.latency = true;
          quick.id += "/latency";
          contenders_.push_back({std::move(quick), rendition, card.task == Task::kClassification});
        }
        contenders_.push_back({std::move(plan), rendition, card.task == Task::kClassification});
      }
    }
  }
  // Before anything is measured: compiling, stages, answers at a hundred a second, the finalists.
  const auto num = static_cast<double>(contenders_.size());
  expected_s_ = static_cast<double>(compiled.size()) * kCompileSeconds + num * kStageSeconds * options_.repeats +
                num * static_cast<double>(calibration_.items.size()) / 100 +
                std::min(num, 8.0) * options_.repeats * (kWholeSeconds + 2 * kStageSeconds);
  if (options_.time_budget_s > 0) expected_s_ = std::min(expected_s_, options_.time_budget_s);
  return {};
}

std::vector<Unit> Planning::units_of(const std::vector<std::size_t>& items) const {
  // In random order, so that the first block of a race stands for all.
  std::vector<std::size_t> order = items;
  std::shuffle(order.begin(), order.end(), std::mt19937(1));
  std::vector<Unit> units;
  for (const std::size_t item : order) {
    const std::size_t num_regions = dataset_.regions.empty() ? 1 : std::max<std::size_t>(1, dataset_.regions[item].size());
    for (std::size_t region = 0; region < num_regions; ++region)
      units.push_back({item, region, dataset_.label_of(item, region)});
  }
  return units;
}

Status Planning::leave_out_failing_items() {
  for (std::size_t rendition = 0; rendition < dataset_.renditions.size(); ++rendition) {
    const auto first = std::find_if(contenders_.begin(), contenders_.end(),
                                    [&](const Contender& contender) { return contender.rendition == rendition; });
    if (first == contenders_.end()) continue;
    SMOL_RETURN_IF_ERROR(tick("reading " + dataset_.renditions[rendition].name));
    SMOL_RETURN_IF_ERROR(book_->answer({&*first}, 0, book_->units().size()));
    std::set<std::string> failing;
    for (std::size_t unit = 0; unit < book_->units().size(); ++unit) {
      if (book_->label(first->plan, unit) == AnswerBook::kFailed)
        failing.insert(dataset_.item_ids[book_->units()[unit].item]);
    }
    std::vector<Item>& items = items_[rendition];
    std::erase_if(items, [&](const Item& item) { return item.error.has_value() || failing.contains(item.id); });
    if (!items.empty()) continue;
    const Error last = book_->last_error(first->plan);
    return Error{last.code,
                 fmt::format("plan {} failed on every calibration item; the last one: {}", first->plan.id, last.message),
                 last.stage};
  }
  return {};
}

// A machine is faster at one time than at another, and rates of different times must not be compared. One plan tells.
Status Planning::doubt_cached_rates() {
  if (options_.profile != nullptr) return {};  // given on purpose
  const auto cached = std::find_if(contenders_.begin(), contenders_.end(),
                                   [&](const Contender& contender) { return profiler_->was_known(contender); });
  if (cached == contenders_.end()) return {};
  SMOL_RETURN_IF_ERROR(tick("whether rates of an earlier planning still hold"));
  SMOL_RETURN_IF_ERROR(profiler_->sample(*cached, kStageSeconds, false));  // takes them over
  const double preprocess_then = profiler_->preprocess_per_s(*cached), infer_then = profiler_->infer_per_s(cached->plan);
  profiler_->begin_round();
  for (int repeat = 0; repeat < 2; ++repeat) {
    SMOL_RETURN_IF_ERROR(profiler_->sample(*cached, kStageSeconds, true));
    profiler_->begin_round();
  }
  const auto differs = [](double then, double now) { return std::abs(std::log(now / then)) > kSameSpeed; };
  if (differs(preprocess_then, profiler_->preprocess_per_s(*cached)) ||
      differs(infer_then, profiler_->infer_per_s(cached->plan))) {
    profiler_->forget_known();
  }
  return {};
}

Status Planning::profile_stages() {
  for (int repeat = 0; repeat < options_.repeats; ++repeat) {
    if (repeat > 0 && time_is_up(0.3)) break;
    profiler_->begin_round();
    for (Contender& contender : contenders_) {
      SMOL_RETURN_IF_ERROR(tick("rates of " + contender.plan.id));
      SMOL_RETURN_IF_ERROR(profiler_->sample(contender, kStageSeconds, false));
    }
  }
  return {};
}

Status Planning::calibrate_overlap() {
  if (!overlap_exponents_.empty()) return {};
  // The nearer to balance, the more a plan says of the overlap.
  std::vector<std::pair<double, Contender*>> by_balance;
  for (Contender& contender : contenders_) {
    if (!profiler_->predict(contender, kDefaultExponent).shares_host_cores) continue;
    if (options_.profile != nullptr && profiler_->was_known(contender)) continue;  // given rates are not this machine's
    const double ratio = profiler_->preprocess_per_s(contender) / profiler_->infer_per_s(contender.plan);
    by_balance.emplace_back(std::abs(std::log(ratio)), &contender);
  }
  std::stable_sort(by_balance.begin(), by_balance.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  constexpr std::size_t kPlans = 2;
  constexpr double kTooUnbalanced = 1.8;  // 6x: both models agree, so it says nothing
  for (std::size_t i = 0; i < std::min(kPlans, by_balance.size()) && !time_is_up(0.4); ++i) {
    if (by_balance[i].first > kTooUnbalanced) break;
    Contender& contender = *by_balance[i].second;
    calibrated_on_.push_back(contender.plan.id);
    SMOL_RETURN_IF_ERROR(profiler_->run_whole(contender, kWholeSeconds));  // warms up
    for (int repeat = 0; repeat < std::max(3, options_.repeats); ++repeat) {
      SMOL_RETURN_IF_ERROR(tick("overlap of preprocessing and inference"));
      profiler_->begin_round();
      SMOL_RETURN_IF_ERROR(profiler_->sample(contender, kStageSeconds, true));
      SMOL_ASSIGN_OR_RETURN(const double whole, profiler_->run_whole(contender, kWholeSeconds));
      overlap_exponents_.push_back(
          overlap_exponent(profiler_->preprocess_per_s(contender), profiler_->infer_per_s(contender.plan), whole));
    }
  }
  return {};
}

void Planning::predict_all() {
  const double exponent = overlap_exponents_.empty() ? kDefaultExponent : median(overlap_exponents_);
  for (std::vector<Contender>* list : {&contenders_, &beaten_placements_}) {
    for (Contender& contender : *list) {
      if (!profiler_->knows(contender)) continue;
      contender.plan.predicted = profiler_->predict(contender, exponent);
      if (!contender.plan.measured) contender.plan.measured.emplace();
      contender.plan.measured->preprocess_throughput = profiler_->preprocess_per_s(contender);
      contender.plan.measured->infer_throughput = profiler_->infer_per_s(contender.plan);
    }
  }
}

void Planning::keep_best_placements() {
  std::map<std::string, std::size_t> best;  // by what is answered
  const auto key_of = [](const Plan& plan) {
    return fmt::format("{}|{}|{}|{}|{}", plan.model_digest, plan.rendition, plan.fidelity, name_of(plan.precision),
                       plan.shape.latency);
  };
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    const auto [place, added] = best.try_emplace(key_of(contenders_[i].plan), i);
    // At equal rates work stays on the host: the device may have other things to do.
    constexpr double kWorthMoving = 1.02;
    if (!added && contenders_[i].plan.throughput() > kWorthMoving * contenders_[place->second].plan.throughput())
      place->second = i;
  }
  std::vector<Contender> kept;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    const bool keep = best.at(key_of(contenders_[i].plan)) == i;
    (keep ? kept : beaten_placements_).push_back(std::move(contenders_[i]));
  }
  contenders_ = std::move(kept);
}

double Planning::elapsed_s() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }

bool Planning::time_is_up(double share) const {
  return options_.time_budget_s > 0 && elapsed_s() > share * options_.time_budget_s;
}

Status Planning::tick(const std::string& what) {
  if (options_.stop.stop_requested()) return Error{ErrorCode::kCancelled, "planning was stopped"};
  if (options_.on_progress) options_.on_progress(what, elapsed_s(), std::max(0.0, expected_s_ - elapsed_s()));
  return {};
}

void Planning::mark_undecided(std::vector<Plan>& frontier) const {
  const auto index_of = [&](const Plan& plan) {
    const auto found = std::find_if(contenders_.begin(), contenders_.end(),
                                    [&](const Contender& contender) { return contender.plan.id == plan.id; });
    return static_cast<std::size_t>(found - contenders_.begin());
  };
  for (std::size_t i = 1; race_ && i < frontier.size(); ++i) {
    if (!frontier[i].measured || !frontier[i].measured->accuracy) continue;
    const PairedDifference gain = race_->difference(index_of(frontier[i]), index_of(frontier[i - 1]));
    if (gain.low <= 0) frontier[i].measured->undecided_from = frontier[i - 1].id;
  }
}

Result<PlanSet> Planning::conclude() {
  std::vector<Plan> plans;
  for (const Contender& contender : contenders_) plans.push_back(contender.plan);
  FrontierSplit split = split_frontier(std::move(plans), reference_rendition_);
  if (split.frontier.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "accuracy cannot be measured for these models, so only plans that cannot change answers may be chosen, and "
                 "there is none; let precision f32 be tried"};
  }
  // A plan that was chosen for the lower end of its interval may lie below the frontier of the estimates.
  const auto chosen = std::find_if(split.dominated.begin(), split.dominated.end(),
                                   [&](const Plan& plan) { return plan.id == selection_.chosen; });
  if (chosen != split.dominated.end()) {
    const auto slower = std::find_if(split.frontier.begin(), split.frontier.end(),
                                     [&](const Plan& plan) { return plan.throughput() < chosen->throughput(); });
    split.frontier.insert(slower, *chosen);
    split.dominated.erase(chosen);
  }
  mark_undecided(split.frontier);
  PlanSet set;
  set.machine = machine_name();
  set.cores = available_cores();
  set.smol_version = SMOL_VERSION;
  set.date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  set.dataset = dataset_.path;
  set.reference_rendition = reference_rendition_;
  set.calibration = calibration_.description;
  const bool any = std::any_of(split.frontier.begin(), split.frontier.end(),
                               [](const Plan& plan) { return plan.measured && plan.measured->accuracy; });
  set.accuracy_kind = !any ? "none" : reference_ ? "agreement with " + reference_id_ : "labels";
  set.held_out = any ? calibration_.held_out_description : "";
  set.chosen = selection_.chosen;
  set.decision = selection_.decision;
  set.overlap_exponent = overlap_exponents_.empty() ? kDefaultExponent : median(overlap_exponents_);
  set.plans = std::move(split.frontier);
  set.dominated = std::move(split.dominated);
  for (Contender& contender : beaten_placements_) set.dominated.push_back(std::move(contender.plan));
  set.planning_seconds = elapsed_s();
  return set;
}

Profile Planning::profile() const {
  Profile profile;
  profile.machine = machine_name();
  profile.smol_version = SMOL_VERSION;
  profile.date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  profile.source = "measured";
  profile.dataset = dataset_.path;
  profile.reference_rendition = reference_rendition_;
  profile.cores = available_cores();
  profile.overlap_exponents = overlap_exponents_;
  if (!profiler_) return profile;
  for (const auto& [key, entry] : profiler_->preprocess()) profile.preprocess.push_back(entry);
  for (const auto& [key, entry] : profiler_->inference()) profile.inference.push_back(entry);
  for (const Profile::Inference& entry : profile.inference) {
    const Result<const Backend*> backend = runtime_.backends.find(entry.backend);
    if (!backend.ok()) continue;
    profile.shares_host_cores = profile.shares_host_cores && (*backend)->capabilities().shares_host_cores;
    profile.simulated = profile.simulated || (*backend)->capabilities().simulated;
  }
  profile.accuracy = accuracy_;
  profile.breakdown = breakdown_;
  return profile;
}

std::string Planning::dataset_key() const {
  std::error_code ignored;
  std::string key = std::filesystem::absolute(dataset_.path, ignored).lexically_normal().string();
  for (std::size_t i = 0; i < rendition_facts_.size(); ++i) {
    const ImageHeader& typical = rendition_facts_[i].typical;
    key += fmt::format("|{} {} {}x{} {}", dataset_.renditions[i].name, dataset_.renditions[i].path, typical.width,
                       typical.height, typical.compressed_bytes);
  }
  return key + fmt::format("|{}", dataset_.item_ids.size());
}

std::string Planning::cache_path(const std::string& kind, const std::string& key) const {
  const std::string digest = digest_of(fmt::format("{}|{}|{}|{}", machine_name(), available_cores(), SMOL_VERSION, key));
  return (std::filesystem::path(options_.cache_folder) / (kind + "-" + digest.substr(5) + ".yaml")).string();
}

// Given rates come before those of the cache.
Profile Planning::known_rates() const {
  Profile known;
  if (!options_.cache_folder.empty()) {
    if (const Result<Profile> machine = load_profile(cache_path("machine", "")); machine.ok()) known = *machine;
    if (const Result<Profile> data = load_profile(cache_path("rates", dataset_key())); data.ok())
      known.preprocess = data->preprocess;
  }
  if (options_.profile != nullptr) {
    const Profile& given = *options_.profile;
    known.preprocess.insert(known.preprocess.end(), given.preprocess.begin(), given.preprocess.end());
    known.inference.insert(known.inference.end(), given.inference.begin(), given.inference.end());
    if (!given.overlap_exponents.empty()) known.overlap_exponents = given.overlap_exponents;
  }
  return known;
}

Status Planning::save_caches() {
  if (options_.cache_folder.empty() || !profiler_) return {};
  if (book_) SMOL_RETURN_IF_ERROR(book_->save());
  Profile rates = profile();
  Profile machine = rates;
  machine.preprocess.clear();
  machine.accuracy.clear();
  machine.breakdown.clear();
  machine.dataset.clear();
  // Models of other datasets stay known; a batch that was asked for is not the best one.
  if (options_.shape.batch > 1) machine.inference.clear();
  if (const Result<Profile> before = load_profile(cache_path("machine", "")); before.ok()) {
    if (machine.overlap_exponents.empty()) machine.overlap_exponents = before->overlap_exponents;
    for (const Profile::Inference& entry : before->inference) {
      const bool replaced = std::any_of(machine.inference.begin(), machine.inference.end(), [&](const auto& mine) {
        return mine.model_digest == entry.model_digest && mine.backend == entry.backend &&
               mine.precision == entry.precision && mine.device_operators == entry.device_operators;
      });
      if (!replaced) machine.inference.push_back(entry);
    }
  }
  SMOL_RETURN_IF_ERROR(save_profile(machine, cache_path("machine", "")));
  rates.inference.clear();
  return save_profile(rates, cache_path("rates", dataset_key()));
}

}  // namespace smol
