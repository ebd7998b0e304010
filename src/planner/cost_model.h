#pragma once
#include <span>
#include <vector>

#include "smol/plan.h"

namespace smol {

// Pure functions from rates of parts to the rate of the whole (paper, section 4). Rates are items a second with all of the
// machine's threads.

/// One DNN of a plan or of a cascade, in the order items meet them.
struct ModelStage {
  double infer_per_s = 0;       ///< of the DNN alone
  double preprocess_per_s = 0;  ///< of the preprocessing that this DNN alone needs; 0: none, it shares an earlier one's
  double transfer_per_s = 0;    ///< of the link to its device; 0: none
  double pass_rate = 1;         ///< share of the items reaching it that go on to the next stage
};

/// What a plan demands of the machine.
struct PlanRates {
  std::vector<ModelStage> stages;
  bool shares_host_cores = true;  ///< inference and preprocessing compete for the same cores
};

/// Our model: for each resource the seconds an item takes there; what shares cores combines as (sum (1/T)^p)^(1/p), separate
/// resources bound each other, so the slowest counts. `overlap_exponent` p: 1 is the sum, infinity the minimum.
/// Beside it the models of others: the minimum, the sum, inference alone. Rates must be positive.
[[nodiscard]] PlanPrediction predict(const PlanRates& rates, double overlap_exponent);

/// 1/T = (sum (1/T_i)^p)^(1/p). Any p > 0, infinity too.
[[nodiscard]] double combine(std::span<const double> rates, double exponent);

/// The p with which combine({preprocess, infer}, p) is `together`, in [kLeastExponent, kGreatestExponent].
[[nodiscard]] double overlap_exponent(double preprocess_per_s, double infer_per_s, double together_per_s);
inline constexpr double kLeastExponent = 0.5, kGreatestExponent = 16;
/// Where nothing was calibrated: two pools of threads on shared cores.
inline constexpr double kDefaultExponent = 1.0;

/// How far |predicted - measured| / measured is for each cost model, over plans that were measured end to end and did not
/// calibrate the model.
struct CostModelError {
  double mean = 0, worst = 0;
};
struct CostModelErrors {
  CostModelError ours, minimum, sum, dnn_only;
  int num_plans = 0;
};
[[nodiscard]] CostModelErrors cost_model_errors(std::span<const Plan> plans);

}  // namespace smol
