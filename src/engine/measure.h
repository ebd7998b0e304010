#pragma once
#include <span>

#include "smol/session.h"

namespace smol {

/// Rates of the parts of a plan, each alone with all of the plan's threads, and of the whole.
struct PartRates {
  double preprocess = 0;  ///< items a second of reading, decoding and preprocessing; batches are discarded
  double infer = 0;       ///< items a second of inference on synthetic tensors
};

/// Of frames of videos: at least `count`, so many that they are whole work units, the same number for each core. Else
/// `count`.
[[nodiscard]] std::int64_t whole_rounds(std::span<const Item> items, std::int64_t count);
/// Items `items`, repeated in order until whole_rounds() were given: a sample as long as a measurement needs. Thread-safe.
[[nodiscard]] std::unique_ptr<Source> repeat_items(std::vector<Item> items, std::int64_t count);

/// What a device with its own memory spent on one item, means of a measurement, microseconds.
struct DeviceTimes {
  double transfer_us = 0, infer_us = 0;
};
/// Throughput of inference alone: all slots of the plan's instance are kept in flight for about `seconds`.
[[nodiscard]] Result<double> measure_inference(CompiledPlan& plan, double seconds, DeviceTimes* times = nullptr);
/// Median time of one batch with nothing else in flight, microseconds.
[[nodiscard]] Result<double> measure_inference_latency(CompiledPlan& plan, int repeats);
/// Median time from the moment the items of one batch may be read to the last one's row, nothing else being on its way,
/// microseconds. Of `items`, which are taken in turn. Items that fail count.
[[nodiscard]] Result<double> measure_latency(const Runtime& runtime, CompiledPlan& plan, std::vector<Item> items,
                                             int repeats, const RunOptions& options);
/// Throughput of the whole plan in the steady state: filling the pipeline at the start and draining it at the end, which
/// long runs do not notice, are left out. About `seconds`, or as long as some batches more than are in flight take;
/// `expected` is a guess of the throughput. Of `items`, which are repeated; rows go to `sink`, if given.
struct WholeRate {
  double items_per_s = 0;
  RunReport report;
};
[[nodiscard]] Result<WholeRate> measure_whole(const Runtime& runtime, CompiledPlan& plan, const std::vector<Item>& items,
                                              double seconds, double expected, const RunOptions& options,
                                              Sink* sink = nullptr);
/// Runs the plan with inference left out: workers fill batches that complete at once.
[[nodiscard]] Result<RunReport> measure_preprocessing(const Runtime& runtime, CompiledPlan& plan, Source& source,
                                                      const RunOptions& options);

/// Takes over another plan for the same model, backend, precision, device operators and shape: what was compiled is reused.
/// kInvalidArgument when they differ.
Status retarget(CompiledPlan& compiled, const Plan& plan);

}  // namespace smol
