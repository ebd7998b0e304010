#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <map>
#include <unordered_map>

#include "base/statistics.h"
#include "base/thread_budget.h"
#include "engine/measure.h"
#include "planner/batch_choice.h"
#include "planner/calibration.h"
#include "planner/candidates.h"
#include "planner/frontier.h"
#include "smol/session.h"
#include "smol/version.h"

namespace smol {
namespace {

constexpr double kMeasureSeconds = 0.6;

// Measures one dataset's candidates. Lives for one call of plan().
class Measurement {
 public:
  Measurement(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options)
      : runtime_(runtime),
        dataset_(dataset),
        options_(options),
        calibration_(choose_calibration(dataset, options.calibration_items)) {}

  Result<PlanSet> run() {
    SMOL_RETURN_IF_ERROR(survey_renditions());
    SMOL_RETURN_IF_ERROR(gather_candidates());
    total_steps_ = static_cast<int>(plans_.size()) * (1 + options_.repeats);
    for (std::size_t i = 0; i < plans_.size(); ++i) SMOL_RETURN_IF_ERROR(first_pass(i));
    estimate_accuracies();
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      SMOL_RETURN_IF_ERROR(measure_models_alone());
      for (std::size_t i = 0; i < plans_.size(); ++i) SMOL_RETURN_IF_ERROR(measure_once(i));
    }
    return conclude();
  }

 private:
  struct Answers {
    std::unordered_map<std::string, int> labels;  ///< by item; failed items are absent
  };

  Status survey_renditions() {
    for (const Dataset::Rendition& rendition : dataset_.renditions) {
      items_.push_back(calibration_items(dataset_, rendition, calibration_));
      SMOL_ASSIGN_OR_RETURN(RenditionFacts facts, survey(runtime_, items_.back(), rendition.name));
      facts_.push_back(facts);
    }
    return {};
  }

  Status gather_candidates() {
    const std::vector<std::string>& models = options_.models.empty() ? dataset_.models : options_.models;
    if (models.empty()) {
      return Error{ErrorCode::kInvalidArgument,
                   "no models to plan for: name cards with --models, or list them in the dataset file under `models`"};
    }
    for (const std::string& model : models) {
      SMOL_ASSIGN_OR_RETURN(const ModelCard card, load_model_card(model, runtime_.user_operators));
      for (std::size_t rendition = 0; rendition < dataset_.renditions.size(); ++rendition) {
        SMOL_ASSIGN_OR_RETURN(
            std::vector<Plan> plans,
            make_candidates(runtime_, card, model, dataset_.renditions[rendition].name, facts_[rendition], options_));
        for (Plan& plan : plans) {
          plans_.push_back(std::move(plan));
          rendition_of_.push_back(rendition);
        }
      }
    }
    return {};
  }

  // Compiled models are shared by the plans that differ only in preprocessing.
  Result<CompiledPlan*> compiled_for(Plan& plan) {
    const std::string key = model_key(plan);
    auto found = compiled_.find(key);
    if (found == compiled_.end()) {
      SMOL_ASSIGN_OR_RETURN(BatchChoice best, choose_batch(runtime_, plan, options_.shape.batch, options_.stop));
      infer_rates_[key] = {best.pictures_per_s};
      found = compiled_.emplace(key, std::move(best.compiled)).first;
    }
    plan.shape = found->second.plan().shape;
    SMOL_RETURN_IF_ERROR(retarget(found->second, plan));
    return &found->second;
  }

  [[nodiscard]] static std::string model_key(const Plan& plan) {
    return fmt::format("{}|{}|{}", plan.model, name_of(plan.precision), plan.pipeline.device_operators.size());
  }

  // Beside every round of whole plans, so that a drifting machine hits both alike.
  Status measure_models_alone() {
    for (auto& [key, compiled] : compiled_) {
      SMOL_ASSIGN_OR_RETURN(const double rate, measure_inference(compiled, kInferenceSeconds));
      infer_rates_[key].push_back(rate);
    }
    return {};
  }

  // Answers on the calibration sample; warms caches; tells how long a measurement of kMeasureSeconds must be.
  Status first_pass(std::size_t index) {
    Plan& plan = plans_[index];
    tick(plan.id);
    SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, compiled_for(plan));
    MemorySink sink;
    RunOptions options;
    options.limits = options_.limits;
    options.stop = options_.stop;
    const std::unique_ptr<Source> source = from_items(items_[rendition_of_[index]]);
    SMOL_ASSIGN_OR_RETURN(const RunReport report, execute(runtime_, {compiled, 1}, *source, sink, options));
    if (report.cancelled) return Error{ErrorCode::kCancelled, "planning was stopped"};
    Answers answers;
    Error last;
    for (const Row& row : sink.rows()) {
      if (row.error) {
        last = *row.error;
      } else {
        answers.labels[row.item + '\0' + row.region] = row.prediction.label;
      }
    }
    if (answers.labels.empty()) {
      return Error{last.code,
                   fmt::format("plan {} failed on every calibration item; the last one: {}", plan.id, last.message),
                   last.stage};
    }
    answers_.push_back(std::move(answers));
    first_rates_.push_back(report.throughput());
    samples_.emplace_back();
    PlanMeasurement measured;
    measured.infer_throughput = infer_rates_[model_key(plan)].front();
    SMOL_ASSIGN_OR_RETURN(measured.preprocess_throughput, preprocess_rate(index, *compiled));
    plan.measured = measured;
    return {};
  }

  // Preprocessing alone is at least as fast as the whole plan, so this takes no longer than half a repeat.
  Result<double> preprocess_rate(std::size_t index, CompiledPlan& compiled) {
    const auto count = static_cast<std::int64_t>(std::max(first_rates_[index] * kMeasureSeconds / 2, 16.0));
    const std::unique_ptr<Source> source = repeat_items(items_[rendition_of_[index]], count);
    RunOptions options;
    options.stop = options_.stop;
    SMOL_ASSIGN_OR_RETURN(const RunReport report, measure_preprocessing(runtime_, compiled, *source, options));
    if (report.cancelled) return Error{ErrorCode::kCancelled, "planning was stopped"};
    return report.throughput();
  }

  Status measure_once(std::size_t index) {
    Plan& plan = plans_[index];
    tick(plan.id);
    SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, compiled_for(plan));
    const auto count = static_cast<std::int64_t>(std::max(first_rates_[index] * kMeasureSeconds, 32.0));
    const std::unique_ptr<Source> source = repeat_items(items_[rendition_of_[index]], count);
    MemorySink sink;
    RunOptions options;
    options.limits = options_.limits;
    options.stop = options_.stop;
    SMOL_ASSIGN_OR_RETURN(const RunReport report, execute(runtime_, {compiled, 1}, *source, sink, options));
    if (report.cancelled) return Error{ErrorCode::kCancelled, "planning was stopped"};
    samples_[index].push_back(report.throughput());
    return {};
  }

  // An item without regions counts as one.
  [[nodiscard]] std::size_t num_regions(std::size_t item) const {
    return dataset_.regions.empty() ? 1 : std::max<std::size_t>(1, dataset_.regions[item].size());
  }
  [[nodiscard]] std::string key_of(std::size_t item, std::size_t region) const {
    const bool named = !dataset_.regions.empty() && !dataset_.regions[item].empty();
    return dataset_.item_ids[item] + '\0' + (named ? dataset_.regions[item][region].name : "");
  }

  [[nodiscard]] bool has_labels() const {
    return std::any_of(calibration_.items.begin(), calibration_.items.end(), [&](std::size_t item) {
      for (std::size_t region = 0; region < num_regions(item); ++region) {
        if (dataset_.label_of(item, region) >= 0) return true;
      }
      return false;
    });
  }

  // Without labels the reference is the model that costs most per picture, exact, on the first rendition.
  [[nodiscard]] std::size_t reference_plan() const {
    std::size_t reference = 0;
    double slowest = 1e300;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (!classifies(answers_[i]) || rendition_of_[i] != 0 || plans_[i].fidelity != "exact" ||
          plans_[i].precision == Precision::kBF16)
        continue;
      if (plans_[i].measured->infer_throughput < slowest) {
        slowest = plans_[i].measured->infer_throughput;
        reference = i;
      }
    }
    return reference;
  }

  struct Tally {
    std::int64_t right = 0, total = 0;
  };

  [[nodiscard]] Tally compare_with_labels(const Answers& answers) const {
    Tally tally;
    for (std::size_t item : calibration_.items) {
      for (std::size_t region = 0; region < num_regions(item); ++region) {
        const int label = dataset_.label_of(item, region);
        if (label < 0) continue;
        ++tally.total;
        const auto answer = answers.labels.find(key_of(item, region));
        tally.right += answer != answers.labels.end() && answer->second == label ? 1 : 0;
      }
    }
    return tally;
  }

  [[nodiscard]] static Tally compare_with(const Answers& reference, const Answers& answers) {
    Tally tally;
    for (const auto& [key, label] : reference.labels) {
      if (label < 0) continue;
      ++tally.total;
      const auto answer = answers.labels.find(key);
      tally.right += answer != answers.labels.end() && answer->second == label ? 1 : 0;
    }
    return tally;
  }

  // Embeddings and raw outputs have no label that could be right.
  [[nodiscard]] static bool classifies(const Answers& answers) {
    return std::any_of(answers.labels.begin(), answers.labels.end(), [](const auto& answer) { return answer.second >= 0; });
  }

  void estimate_accuracies() {
    const bool labelled = has_labels();
    const std::size_t reference = reference_plan();
    accuracy_kind_ = labelled ? "labels" : "agreement with " + plans_[reference].id;
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      if (!classifies(answers_[i])) continue;
      const auto [right, total] =
          labelled ? compare_with_labels(answers_[i]) : compare_with(answers_[reference], answers_[i]);
      if (total == 0) continue;
      const auto [low, high] = wilson_interval(right, total);
      plans_[i].measured->accuracy = Estimate{static_cast<double>(right) / static_cast<double>(total), low, high};
      plans_[i].measured->agreement = !labelled;
      plans_[i].measured->num_items = total;
    }
  }

  Result<PlanSet> conclude() {
    for (std::size_t i = 0; i < plans_.size(); ++i) {
      const auto [low, high] = std::minmax_element(samples_[i].begin(), samples_[i].end());
      plans_[i].measured->throughput = Estimate{median(samples_[i]), *low, *high};
      plans_[i].measured->infer_throughput = median(infer_rates_[model_key(plans_[i])]);
    }
    FrontierSplit split = split_frontier(std::move(plans_), dataset_.renditions.front().name);
    if (split.frontier.empty()) {
      return Error{
          ErrorCode::kInvalidArgument,
          "accuracy cannot be measured for these models, so only plans that cannot change answers may be chosen, and "
          "there is none; let precision f32 be tried"};
    }
    PlanSet set;
    SMOL_ASSIGN_OR_RETURN(set.chosen, choose_plan(split.frontier, options_.min_accuracy, options_.min_throughput));
    set.machine = machine_name();
    set.smol_version = SMOL_VERSION;
    set.date = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
    set.dataset = dataset_.path;
    set.calibration = calibration_.description;
    const bool any = std::any_of(split.frontier.begin(), split.frontier.end(),
                                 [](const Plan& p) { return p.measured->accuracy.has_value(); });
    set.accuracy_kind = any ? accuracy_kind_ : "none";
    set.plans = std::move(split.frontier);
    set.dominated = std::move(split.dominated);
    return set;
  }

  void tick(const std::string& what) {
    if (options_.on_progress) options_.on_progress(what, step_, total_steps_);
    ++step_;
  }

  const Runtime& runtime_;
  const Dataset& dataset_;
  const PlanOptions& options_;
  Calibration calibration_;
  std::vector<std::vector<Item>> items_;  ///< by rendition
  std::vector<RenditionFacts> facts_;     ///< by rendition
  std::vector<Plan> plans_;
  std::vector<std::size_t> rendition_of_;     ///< by plan
  std::vector<Answers> answers_;              ///< by plan
  std::vector<double> first_rates_;           ///< by plan
  std::vector<std::vector<double>> samples_;  ///< by plan: throughput of each repeat
  std::map<std::string, CompiledPlan> compiled_;
  std::map<std::string, std::vector<double>> infer_rates_;  ///< by model_key
  std::string accuracy_kind_;
  int step_ = 0, total_steps_ = 0;
};

// Measuring takes long: what can be wrong with the request is said before.
Status check(const PlanOptions& options) {
  const auto refuse = [](const char* what, auto value) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: {}", what, value)};
  };
  if (options.min_accuracy && !(*options.min_accuracy >= 0 && *options.min_accuracy <= 1))
    return refuse("the least accuracy must be a fraction 0..1", *options.min_accuracy);
  if (options.min_throughput && !(*options.min_throughput > 0 && std::isfinite(*options.min_throughput)))
    return refuse("the least throughput must be more than 0 items a second", *options.min_throughput);
  if (options.calibration_items < 0)
    return refuse("the number of calibration items must be 0 (chosen for you) or more", options.calibration_items);
  if (options.repeats < 1) return refuse("a plan must be measured at least once, repeats", options.repeats);
  if (options.shape.batch < 1) return refuse("a batch must be 1 or more", options.shape.batch);
  return {};
}

}  // namespace

Result<PlanSet> plan(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options) {
  SMOL_RETURN_IF_ERROR(check(options));
  return Measurement(runtime, dataset, options).run();
}

}  // namespace smol
