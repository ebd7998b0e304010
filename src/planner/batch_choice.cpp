#include "planner/batch_choice.h"

#include <array>

#include "engine/compiled_plan.h"
#include "engine/measure.h"

namespace smol {
namespace {

constexpr std::array<int, 4> kBatches{1, 4, 8, 16};
constexpr double kWorthIt = 1.03;

}  // namespace

Result<BatchChoice> choose_batch(const Runtime& runtime, const Plan& plan, int fixed_batch, const std::stop_token& stop) {
  std::optional<BatchChoice> best;
  std::vector<int> batches(kBatches.begin(), kBatches.end());
  if (fixed_batch > 1) batches = {fixed_batch};
  for (const int batch : batches) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "choosing a batch was stopped"};
    Plan attempt = plan;
    attempt.shape.batch = batch;
    SMOL_ASSIGN_OR_RETURN(CompiledPlan compiled, compile(runtime, attempt));
    if (best && compiled.state().instance->batch() < batch) break;  // neither the card nor the backend allows more
    SMOL_ASSIGN_OR_RETURN(const double rate, measure_inference(compiled, kInferenceSeconds));
    if (!best || rate > best->pictures_per_s * kWorthIt) best = BatchChoice{std::move(compiled), rate};
  }
  return *std::move(best);
}

}  // namespace smol
