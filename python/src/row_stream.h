#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "arrow_batch.h"
#include "binding.h"
#include "python_source.h"

namespace smol::python {

/// A run whose rows are taken batch by batch. It runs on threads of its own, at most kMaxBatches ahead of who takes them.
/// Methods are called with the GIL and release it while they wait. Thread-safe.
class RowStream {
 public:
  /// Compiles the plans, then starts. Errors that stop a run at its start are thrown here.
  RowStream(std::shared_ptr<const Runtime> runtime, const std::vector<Plan>& plans, ItemStream& items, RunOptions options);
  ~RowStream();
  RowStream(const RowStream&) = delete;
  RowStream& operator=(const RowStream&) = delete;

  /// The next batch; empty at the end. Throws what stopped the run, KeyboardInterrupt after Ctrl-C.
  std::optional<ArrowBatch> next();
  /// Stops the run. Waits for its threads, but no longer than kCloseTimeout for one that is held up in Python code.
  void close();
  [[nodiscard]] ArrowColumns columns() const;
  /// After the last batch.
  [[nodiscard]] std::optional<RunReport> report() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace smol::python
