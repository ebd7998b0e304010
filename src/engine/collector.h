#pragma once
#include <array>
#include <map>
#include <set>
#include <vector>

#include "engine/latency_histogram.h"
#include "engine/run_state.h"

namespace smol {

/// Reads finished batches: task heads, error rows, order; hands rows to the writer. Used by one thread.
class Collector {
 public:
  explicit Collector(RunState& run) : run_(run) {}
  /// Until the event queue is closed and empty. Closes the row queue.
  void work();

  [[nodiscard]] const std::array<LatencyHistogram, kNumStages>& stages() const { return stages_; }
  [[nodiscard]] std::int64_t rows() const { return num_rows_; }
  [[nodiscard]] const std::map<std::string, std::int64_t>& errors_by_code() const { return errors_by_code_; }

 private:
  void read_batch(const Event& event);
  void deliver(Row row);
  void flush(bool everything);

  RunState& run_;
  std::vector<Row> ready_;
  std::map<std::int64_t, Row> waiting_;  ///< ordered output: rows whose predecessors are still on their way
  std::set<std::int64_t> skipped_;       ///< tickets without rows, not yet passed
  std::array<LatencyHistogram, kNumStages> stages_{};
  std::map<std::string, std::int64_t> errors_by_code_;
  std::int64_t num_rows_ = 0, next_ticket_ = 0;
  std::chrono::steady_clock::time_point last_flush_ = std::chrono::steady_clock::now();
};

}  // namespace smol
