#include <algorithm>
#include <set>

#include "base/statistics.h"
#include "base/thread_budget.h"
#include "engine/compiled_plan.h"
#include "engine/unfused.h"
#include "planner/cost_model.h"
#include "planner/frontier.h"
#include "planner/input_difference.h"
#include "planner/planning.h"

namespace smol {
namespace {

constexpr double kStageSeconds = 0.25, kWholeSeconds = 0.6;
constexpr double kMargin = 0.93;  ///< predictions are a few per cent off: plans that close to the frontier may be on it
constexpr std::size_t kMaxFinalists = 12;
constexpr int kPicturesCompared = 16, kLatencyRepeats = 15;

}  // namespace

bool Planning::can_be_chosen(const Contender& contender) const {
  return (contender.plan.measured && contender.plan.measured->accuracy) ||
         cannot_change_answers(contender.plan, reference_rendition_);
}

// The predicted frontier, what is near it, what a wanted accuracy may choose from, and what would run unplanned.
std::vector<std::size_t> Planning::finalists() const {
  const auto accuracy = [&](std::size_t i) {
    const Plan& plan = contenders_[i].plan;
    return plan.measured && plan.measured->accuracy ? plan.measured->accuracy->value : 0;
  };
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    if (can_be_chosen(contenders_[i])) order.push_back(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return contenders_[a].plan.throughput() > contenders_[b].plan.throughput();
  });
  std::vector<std::size_t> chosen, unplanned;
  int num_sure = 0;
  for (const std::size_t i : order) {
    const Plan& plan = contenders_[i].plan;
    const bool beaten = std::any_of(order.begin(), order.end(), [&](std::size_t j) {
      return kMargin * contenders_[j].plan.throughput() > plan.throughput() && accuracy(j) >= accuracy(i);
    });
    const bool sure = options_.min_accuracy && plan.measured && plan.measured->accuracy &&
                      plan.measured->accuracy->low >= *options_.min_accuracy && num_sure++ < 3;
    if (!beaten || sure) {
      if (chosen.size() < kMaxFinalists) chosen.push_back(i);
    } else if (cannot_change_answers(plan, reference_rendition_)) {
      unplanned.push_back(i);
    }
  }
  chosen.insert(chosen.end(), unplanned.begin(), unplanned.end());
  return chosen;
}

Status Planning::measure_finalists() {
  const std::vector<std::size_t> measured = finalists();
  whole_per_s_.resize(contenders_.size());
  for (int repeat = 0; repeat < options_.repeats; ++repeat) {
    if (repeat > 0 && time_is_up(0.85)) break;
    profiler_->begin_round();
    for (const std::size_t i : measured) {
      // Stages beside wholes, so that a drifting machine hits both alike. Rates that were given are given on purpose.
      SMOL_RETURN_IF_ERROR(tick("from end to end: " + contenders_[i].plan.id));
      SMOL_RETURN_IF_ERROR(profiler_->sample(contenders_[i], kStageSeconds, options_.profile == nullptr));
      SMOL_ASSIGN_OR_RETURN(const double rate, profiler_->run_whole(contenders_[i], kWholeSeconds));
      whole_per_s_[i].push_back(rate);
    }
  }
  predict_all();
  for (const std::size_t i : measured) {
    Plan& plan = contenders_[i].plan;
    const auto [low, high] = std::minmax_element(whole_per_s_[i].begin(), whole_per_s_[i].end());
    plan.measured->throughput = Estimate{median(whole_per_s_[i]), *low, *high};
    plan.measured->held_for_calibration =
        std::find(calibrated_on_.begin(), calibrated_on_.end(), plan.id) != calibrated_on_.end();
  }
  return {};
}

SelectionFacts Planning::facts() const {
  SelectionFacts facts;
  facts.cores = available_cores();
  facts.overlap_exponent = overlap_exponents_.empty() ? kDefaultExponent : median(overlap_exponents_);
  facts.agreement = reference_.has_value();
  for (const Contender& contender : contenders_) {
    if (!can_be_chosen(contender)) continue;
    const double rate = profiler_->preprocess_per_s(contender);
    if (rate <= facts.ceiling_per_s) continue;
    facts.ceiling_per_s = rate;
    facts.ceiling_name = contender.plan.rendition + ", " + contender.plan.fidelity;
  }
  return facts;
}

Status Planning::choose() {
  if (options_.max_latency_ms) SMOL_RETURN_IF_ERROR(measure_latencies());
  // What is chosen must have been run: a prediction alone is no claim.
  for (std::size_t attempt = 0; attempt <= contenders_.size(); ++attempt) {
    std::vector<Plan> plans;
    for (const Contender& contender : contenders_) {
      if (can_be_chosen(contender)) plans.push_back(contender.plan);
    }
    selection_ = select(plans, options_, facts());
    const auto chosen = std::find_if(contenders_.begin(), contenders_.end(),
                                     [&](const Contender& contender) { return contender.plan.id == selection_.chosen; });
    if (chosen == contenders_.end()) return {};
    if (chosen->plan.measured && chosen->plan.measured->throughput.value > 0) return {};
    SMOL_RETURN_IF_ERROR(tick("from end to end: " + chosen->plan.id));
    std::vector<double> rates;
    for (int repeat = 0; repeat < options_.repeats; ++repeat) {
      SMOL_ASSIGN_OR_RETURN(const double rate, profiler_->run_whole(*chosen, kWholeSeconds));
      rates.push_back(rate);
    }
    chosen->plan.measured->throughput = {median(rates), *std::min_element(rates.begin(), rates.end()),
                                         *std::max_element(rates.begin(), rates.end())};
  }
  return {};
}

// One batch at a time. A plan that is predicted to take more than twice the bound is not tried.
Status Planning::measure_latencies() {
  RunOptions options;
  options.limits = options_.limits;
  options.stop = options_.stop;
  for (Contender& contender : contenders_) {
    if (!can_be_chosen(contender) || contender.plan.predicted->latency_us > 2000 * *options_.max_latency_ms) continue;
    SMOL_RETURN_IF_ERROR(tick("latency of " + contender.plan.id));
    SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, profiler_->compiled_for(contender.plan));
    SMOL_ASSIGN_OR_RETURN(const double latency_us,
                          measure_latency(runtime_, *compiled, items_[contender.rendition], kLatencyRepeats, options));
    contender.plan.measured->latency_us = latency_us;
  }
  return {};
}

Status Planning::measure_differences() {
  for (Contender& contender : contenders_) {
    const Plan& plan = contender.plan;
    if (plan.pipeline.label == FidelityLabel::kExact || time_is_up(0.95)) continue;
    const auto exact = std::find_if(contenders_.begin(), contenders_.end(), [&](const Contender& other) {
      return other.plan.model_digest == plan.model_digest && other.rendition == contender.rendition &&
             other.plan.pipeline.label == FidelityLabel::kExact &&
             other.plan.pipeline.device_operators == plan.pipeline.device_operators;
    });
    if (exact == contenders_.end()) continue;
    SMOL_RETURN_IF_ERROR(tick("difference of " + plan.id));
    SMOL_ASSIGN_OR_RETURN(const InputDifference difference,
                          measure_difference(runtime_, exact->plan.pipeline, plan.pipeline, items_[contender.rendition],
                                             kPicturesCompared, options_.limits));
    if (difference.num_pictures == 0) continue;
    contender.plan.measured->max_difference = difference.max;
    contender.plan.measured->mean_difference = difference.mean;
    Profile::Preprocess& entry = profiler_->preprocess().at(Profiler::preprocess_key(contender));
    entry.max_difference = difference.max;
    entry.mean_difference = difference.mean;
  }
  return {};
}

// The paper's Figure 1 for these data: of exact plans, by model and rendition.
Status Planning::measure_breakdown() {
  if (!options_.breakdown) return {};
  std::set<std::string> done;
  for (Contender& contender : contenders_) {
    const Plan& plan = contender.plan;
    if (plan.pipeline.label != FidelityLabel::kExact || !done.insert(plan.model_name + "|" + plan.rendition).second ||
        time_is_up(0.97)) {
      continue;
    }
    SMOL_RETURN_IF_ERROR(tick("step by step: " + plan.id));
    const std::vector<Item>& items = items_[contender.rendition];
    const std::vector<Item> sample(items.begin(),
                                   items.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(items.size(), 24)));
    const Result<UnfusedCosts> costs = measure_unfused(runtime_, plan, *from_items(sample), 2, options_.limits);
    if (!costs.ok()) continue;  // pictures in memory have no file to time
    SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, profiler_->compiled_for(contender.plan));
    SMOL_ASSIGN_OR_RETURN(const std::optional<double> transfer_us, measure_transfer(*compiled, 5));
    breakdown_.push_back({plan.rendition, plan.model_name, costs->read_us, costs->decode_us, costs->resize_crop_us,
                          costs->convert_normalize_us, costs->layout_us, costs->fused_us, 1e6 / profiler_->infer_per_s(plan),
                          transfer_us.value_or(0)});
  }
  return {};
}

}  // namespace smol
