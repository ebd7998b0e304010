#include "planner/batch_choice.h"

#include <algorithm>

#include "engine/compiled_plan.h"
#include "engine/measure.h"

namespace smol {
namespace {

constexpr double kWorthIt = 1.03;
constexpr int kHostBatches = 16;
constexpr int kMaxBatch = 256;

/// Several devices finish batches in turns: a few batches more or less at the ends of a measurement must not pass for a
/// gain.
double seconds_for(int batch, const std::optional<BatchChoice>& best) {
  constexpr double kNumBatches = 64, kMaxSeconds = 2;
  if (batch <= kHostBatches || !best) return kInferenceSeconds;
  return std::clamp(kNumBatches * batch / best->pictures_per_s, kInferenceSeconds, kMaxSeconds);
}

}  // namespace

Result<BatchChoice> choose_batch(const Runtime& runtime, const Plan& plan, int fixed_batch, const std::stop_token& stop) {
  std::optional<BatchChoice> best;
  std::vector<int> batches{1, 4, 8, kHostBatches};
  if (fixed_batch > 1) batches = {fixed_batch};
  for (std::size_t i = 0; i < batches.size(); ++i) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "choosing a batch was stopped"};
    Plan attempt = plan;
    attempt.shape.batch = batches[i];
    Result<CompiledPlan> compiled = compile(runtime, attempt);
    if (!compiled.ok() && best && compiled.error().code == ErrorCode::kOutOfMemory) break;
    if (!compiled.ok()) return std::move(compiled).error();
    const CompiledPlan::State& state = compiled->state();
    if (best && state.instance->batch() < batches[i]) break;  // neither the card nor the backend allows more
    const bool own_memory = state.separate_memory;
    SMOL_ASSIGN_OR_RETURN(const double rate, measure_inference(*compiled, seconds_for(batches[i], best)));
    const bool better = !best || rate > best->pictures_per_s * kWorthIt;
    if (better) best = BatchChoice{*std::move(compiled), rate};
    // Accelerators gain from batches that would only cost a host its caches.
    const bool last = i + 1 == batches.size() && fixed_batch <= 1;
    if (last && better && own_memory && batches[i] < kMaxBatch) batches.push_back(2 * batches[i]);
  }
  return *std::move(best);
}

}  // namespace smol
