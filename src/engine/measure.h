#pragma once
#include "smol/session.h"

namespace smol {

/// Rates of the parts of a plan, each alone with all of the plan's threads, and of the whole.
struct PartRates {
  double preprocess = 0;  ///< items a second of reading, decoding and preprocessing; batches are discarded
  double infer = 0;       ///< items a second of inference on synthetic tensors
};

/// Items `items`, repeated in order until `count` were given: a sample as long as a measurement needs. Thread-safe.
[[nodiscard]] std::unique_ptr<Source> repeat_items(std::vector<Item> items, std::int64_t count);

/// Throughput of inference alone: all slots of the plan's instance are kept in flight for about `seconds`.
[[nodiscard]] Result<double> measure_inference(CompiledPlan& plan, double seconds);
/// Runs the plan with inference left out: workers fill batches that complete at once.
[[nodiscard]] Result<RunReport> measure_preprocessing(const Runtime& runtime, CompiledPlan& plan, Source& source,
                                                      const RunOptions& options);

/// Takes over another plan for the same model, backend, precision, device operators and shape: what was compiled is reused.
/// kInvalidArgument when they differ.
Status retarget(CompiledPlan& compiled, const Plan& plan);

}  // namespace smol
