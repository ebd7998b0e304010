#pragma once
#include "smol/session.h"

namespace smol {

struct BatchChoice {
  CompiledPlan compiled;      ///< at the best batch
  double pictures_per_s = 0;  ///< of inference alone
};

/// Compiles a plan at the batch with the highest rate of inference alone; a larger batch must earn its latency and memory.
/// Batches larger than the backend can verify are not tried; those above 16 only on devices with memory of their own, as
/// long as the rate rises and memory lasts. `fixed_batch` > 1 leaves no choice.
[[nodiscard]] Result<BatchChoice> choose_batch(const Runtime& runtime, const Plan& plan, int fixed_batch,
                                               const std::stop_token& stop);

/// Seconds that measuring the rate of inference takes.
inline constexpr double kInferenceSeconds = 0.25;

}  // namespace smol
