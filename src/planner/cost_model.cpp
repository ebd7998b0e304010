#include "planner/cost_model.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace smol {
namespace {

/// Seconds an item takes, weighted by the share of items that reach each stage.
struct Demand {
  double preprocess = 0, infer = 0, transfer = 0;
};

Demand demand_of(const PlanRates& rates) {
  Demand demand;
  double reach = 1;
  for (const ModelStage& stage : rates.stages) {
    demand.infer += reach / stage.infer_per_s;
    if (stage.preprocess_per_s > 0) demand.preprocess += reach / stage.preprocess_per_s;
    if (stage.transfer_per_s > 0) demand.transfer += reach / stage.transfer_per_s;
    reach *= stage.pass_rate;
  }
  return demand;
}

void add(CostModelError& error, double predicted, double measured) {
  const double relative = std::abs(predicted - measured) / measured;
  error.mean += relative;
  error.worst = std::max(error.worst, relative);
}

}  // namespace

double combine(std::span<const double> rates, double exponent) {
  double slowest = HUGE_VAL;
  for (const double rate : rates) slowest = std::min(slowest, rate);
  if (std::isinf(exponent)) return slowest;
  // Relative to the slowest, so that no power overflows.
  double sum = 0;
  for (const double rate : rates) sum += std::pow(slowest / rate, exponent);
  return slowest / std::pow(sum, 1 / exponent);
}

PlanPrediction predict(const PlanRates& rates, double overlap_exponent) {
  const Demand demand = demand_of(rates);
  const double infer = 1 / demand.infer;
  const double preprocess = demand.preprocess > 0 ? 1 / demand.preprocess : HUGE_VAL;
  PlanPrediction prediction;
  prediction.dnn_only = infer;
  prediction.preprocess = demand.preprocess > 0 ? preprocess : 0;
  prediction.shares_host_cores = rates.shares_host_cores;
  prediction.minimum = std::min(preprocess, infer);
  prediction.sum = 1 / (demand.preprocess + demand.infer);
  if (rates.shares_host_cores) {
    prediction.throughput = demand.preprocess > 0 ? combine(std::array{preprocess, infer}, overlap_exponent) : infer;
    prediction.bottleneck = preprocess < infer ? "host cores: preprocessing" : "host cores: inference";
    return prediction;
  }
  prediction.throughput = prediction.minimum;
  prediction.bottleneck = preprocess < infer ? "host cores" : "device";
  if (demand.transfer > 0 && 1 / demand.transfer <= prediction.throughput) {
    prediction.throughput = 1 / demand.transfer;
    prediction.bottleneck = "link";
  }
  return prediction;
}

double overlap_exponent(double preprocess_per_s, double infer_per_s, double together_per_s) {
  const std::array rates{preprocess_per_s, infer_per_s};
  double low = kLeastExponent, high = kGreatestExponent;  // combine() rises with p
  if (together_per_s <= combine(rates, low)) return low;
  if (together_per_s >= combine(rates, high)) return high;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (combine(rates, middle) < together_per_s ? low : high) = middle;
  }
  return (low + high) / 2;
}

CostModelErrors cost_model_errors(std::span<const Plan> plans) {
  CostModelErrors errors;
  for (const Plan& plan : plans) {
    if (!plan.predicted || !plan.measured || plan.measured->throughput.value <= 0 || plan.measured->held_for_calibration)
      continue;
    const double measured = plan.measured->throughput.value;
    add(errors.ours, plan.predicted->throughput, measured);
    add(errors.minimum, plan.predicted->minimum, measured);
    add(errors.sum, plan.predicted->sum, measured);
    add(errors.dnn_only, plan.predicted->dnn_only, measured);
    ++errors.num_plans;
  }
  if (errors.num_plans == 0) return errors;
  for (CostModelError* error : {&errors.ours, &errors.minimum, &errors.sum, &errors.dnn_only})
    error->mean /= errors.num_plans;
  return errors;
}

}  // namespace smol
