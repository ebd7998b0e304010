#include "row_stream.h"

namespace smol::python {
namespace {

// A batch is 256 rows or what came in 200 ms.
constexpr std::size_t kMaxBatches = 8;
constexpr std::chrono::seconds kCloseTimeout{2};

Result<std::vector<CompiledPlan>> compile_all(const Runtime& runtime, const std::vector<Plan>& plans,
                                              const RunOptions& options) {
  std::vector<CompiledPlan> compiled;
  for (const Plan& plan : plans) {
    if (options.stop.stop_requested()) return Error{ErrorCode::kCancelled, "compiling was stopped"};
    SMOL_ASSIGN_OR_RETURN(CompiledPlan ready, compile(runtime, plan, options));
    compiled.push_back(std::move(ready));
  }
  return compiled;
}

}  // namespace

/// Lives as long as the longer of the stream and its thread.
struct RowStream::State final : public Sink {
  State(std::shared_ptr<const Runtime> given_runtime, std::vector<CompiledPlan> given_plans, ItemStream& items,
        RunOptions given_options)
      : runtime(std::move(given_runtime)),
        plans(std::move(given_plans)),
        source(std::move(items.source)),
        raised(items.raised),
        options(std::move(given_options)),
        exporter(plans, options.stage_times) {
    options.stop = stop.get_token();
  }

  void run() {
    Result<RunReport> result = execute(*runtime, plans, *source, *this, options);
    source.reset();  // a generator is closed now, not when the last batch has been taken
    const std::scoped_lock lock(mutex);
    outcome.emplace(std::move(result));
    changed.notify_all();
  }

  Status write(std::span<const Row> rows) override {
    ArrowBatch batch;
    SMOL_RETURN_IF_ERROR(exporter.batch(rows, batch.array.get()));
    SMOL_RETURN_IF_ERROR(exporter.schema(batch.schema.get()));
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return closed || batches.size() < kMaxBatches; });
    if (closed) return Error{ErrorCode::kCancelled, "nobody takes the rows any more", Stage::kWrite};
    batches.push_back(std::move(batch));
    changed.notify_all();
    return {};
  }
  Status finish(bool /*complete*/) override { return {}; }

  /// Requests a stop; what is not taken yet is dropped.
  void request_close() {
    stop.request_stop();
    const std::scoped_lock lock(mutex);
    closed = true;
    batches.clear();
    changed.notify_all();
  }

  std::shared_ptr<const Runtime> runtime;
  std::vector<CompiledPlan> plans;
  std::unique_ptr<Source> source;
  std::shared_ptr<RaisedError> raised;
  RunOptions options;
  RowExporter exporter;
  std::stop_source stop;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<ArrowBatch> batches;
  bool closed = false;
  std::optional<Result<RunReport>> outcome;
};

RowStream::RowStream(std::shared_ptr<const Runtime> runtime, const std::vector<Plan>& plans, ItemStream& items,
                     RunOptions options) {
  if (!items.source) throw Exception(Error{ErrorCode::kInvalidArgument, "these items were run before"});
  std::vector<CompiledPlan> compiled = unwrap(run_interruptibly([&](const std::stop_token& stop) {
    options.stop = stop;
    return compile_all(*runtime, plans, options);
  }));
  state_ = std::make_shared<State>(std::move(runtime), std::move(compiled), items, std::move(options));
  // The thread shares the state, so that a run held up in a generator may outlive this object.
  thread_ = std::thread([state = state_] { state->run(); });
}

RowStream::~RowStream() { close(); }

void RowStream::close() {
  const nb::gil_scoped_release released;
  state_->request_close();
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    ended = state_->changed.wait_for(lock, kCloseTimeout, [&] { return state_->outcome.has_value(); });
  }
  if (!thread_.joinable()) return;
  if (ended) {
    thread_.join();
  } else {
    thread_.detach();
  }
}

std::optional<ArrowBatch> RowStream::next() {
  for (;;) {
    std::optional<Error> error;
    bool ended = false;
    {
      const nb::gil_scoped_release released;
      std::unique_lock lock(state_->mutex);
      state_->changed.wait_for(lock, kSignalInterval,
                               [&] { return !state_->batches.empty() || state_->outcome.has_value(); });
      if (!state_->batches.empty()) {
        ArrowBatch batch = std::move(state_->batches.front());
        state_->batches.pop_front();
        state_->changed.notify_all();
        return batch;
      }
      ended = state_->outcome.has_value();
      if (ended && !state_->closed && !state_->outcome->ok()) error = state_->outcome->error();
    }
    if (PyErr_CheckSignals() != 0) {
      const nb::python_error raised;
      close();
      throw raised;
    }
    if (!ended) continue;
    state_->raised->raise_if_any();
    if (error) throw Exception(*std::move(error));
    return std::nullopt;
  }
}

ArrowColumns RowStream::columns() const {
  ArrowColumns columns;
  unwrap(state_->exporter.schema(columns.schema.get()));
  return columns;
}

std::optional<RunReport> RowStream::report() const {
  const std::scoped_lock lock(state_->mutex);
  if (!state_->outcome || !state_->outcome->ok()) return std::nullopt;
  return **state_->outcome;
}

}  // namespace smol::python
