#include <fmt/format.h>
#include <sys/resource.h>

#include <thread>

#include "base/thread_budget.h"
#include "engine/collector.h"
#include "engine/read_ahead.h"
#include "engine/run_state.h"
#include "engine/worker.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;
// A run is not stopped by its failure budget before this many items: one bad file among the first two is not "50 %".
constexpr std::int64_t kItemsBeforeFailureBudget = 20;
constexpr std::chrono::milliseconds kMonitorInterval{100};

double process_cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Writes rows as they come; a failing sink stops the run and swallows the rest. A row's time is its share of its write.
void write_rows(RunState& run, LatencyHistogram& times) {
  bool failed = false;
  while (std::optional<std::vector<Row>> rows = run.rows.pop()) {
    if (failed) continue;
    const Clock::time_point start = Clock::now();
    if (Status written = run.sink.write(*rows); !written.ok()) {
      failed = true;
      run.fail(std::move(written).error());
      continue;
    }
    const double row_us = microseconds_since(start) / static_cast<double>(rows->size());
    for (std::size_t row = 0; row < rows->size(); ++row) times.add(row_us);
  }
}

void report_progress(const RunState& run, Clock::time_point start) {
  if (!run.options.on_progress) return;
  Progress progress;
  progress.items = run.items.load();
  progress.errors = run.failed_items.load() + run.earlier_failed_items.load();
  progress.skipped = run.skipped.load();
  progress.total = run.source.size();
  progress.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  run.options.on_progress(progress);
}

/// On the way, the first few items decide nothing yet; at the end, every run is judged.
void check_failure_budget(RunState& run, bool at_end) {
  // A resumed run is judged as if it had not been interrupted.
  const std::int64_t items = run.items.load() + run.skipped.load();
  const std::int64_t failed = run.failed_items.load() + run.earlier_failed_items.load();
  if ((!at_end && items < kItemsBeforeFailureBudget) ||
      static_cast<double>(failed) <= run.options.max_failure_fraction * static_cast<double>(items))
    return;
  run.fail(Error{ErrorCode::kLimitExceeded, fmt::format("too many items failed, --max-failures allows {:g} %: {} of {}",
                                                        100 * run.options.max_failure_fraction, failed, items)});
}

// Keeps time for the run: deadlines of batches, failure budget, progress. Returns when all workers have ended.
void monitor(RunState& run, std::atomic<int>& working, Clock::time_point start) {
  while (working.load() > 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    for (int waited = 2; working.load() > 0 && waited < kMonitorInterval.count(); waited += 5) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    for (const auto& assembler : run.assemblers) {
      // The row that all others wait for may be in a batch that nobody fills any more.
      assembler->seal(run.held_rows.full() ? Clock::duration{} : Clock::duration(run.options.max_batch_delay));
    }
    check_failure_budget(run, false);
    report_progress(run, start);
  }
  check_failure_budget(run, true);
}

int count_workers(const RunState& run) {
  int workers = 1;
  for (const CompiledPlan::State* plan : run.plans) workers = std::max(workers, plan->host_workers);
  return workers;
}

std::int64_t slot_bytes(const RunState& run) {
  std::int64_t bytes = 0;
  for (const CompiledPlan::State* plan : run.plans) {
    for (const auto& tensors : {plan->instance->input_tensors(0), plan->instance->output_tensors(0)}) {
      for (const TensorView& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.size_bytes()) * plan->slots;
    }
  }
  return bytes;
}

int count_io_threads(const RunState& run) {
  int threads = 0;
  for (const CompiledPlan::State* plan : run.plans) threads = std::max(threads, plan->plan.shape.io_threads);
  return threads;
}

int inference_threads(const CompiledPlan::State& plan) {
  if (!plan.shares_host_cores) return 0;
  const int each = plan.plan.shape.latency ? 0 : plan.plan.shape.threads_per_stream;
  return each > 0 ? plan.streams * each : std::max(plan.streams, available_cores());
}

// Files that are read ahead may take so much.
std::int64_t read_ahead_bytes(const RunState& run) {
  constexpr std::int64_t kShare = 8;
  return count_io_threads(run) > 0 ? memory_limit(run.options) / kShare : 0;
}

// What batch buffers, rows and read-ahead leave of the memory budget is for pictures.
Status divide_memory(RunState& run, int num_workers) {
  const std::int64_t limit = memory_limit(run.options);
  const std::int64_t row_bytes = limit / RunState::kRowsShare * (run.options.ordered ? 2 : 1);
  const std::int64_t taken = slot_bytes(run) + row_bytes + read_ahead_bytes(run);
  if (taken >= limit) {
    return Error{ErrorCode::kOutOfMemory,
                 fmt::format("batch buffers and rows leave no memory for pictures; raise --memory or plan a smaller batch: "
                             "{} of {} bytes taken",
                             taken, limit)};
  }
  run.memory = std::make_unique<MemoryBudget>(limit, limit - taken, num_workers);
  return {};
}

Result<std::vector<std::unique_ptr<Worker>>> make_workers(RunState& run) {
  std::vector<std::unique_ptr<Worker>> workers;
  SMOL_RETURN_IF_ERROR(divide_memory(run, count_workers(run)));
  for (int i = 0; i < count_workers(run); ++i) {
    workers.push_back(std::make_unique<Worker>(run));
    SMOL_RETURN_IF_ERROR(workers.back()->prepare());
  }
  return workers;
}

// Starts the threads, waits for the pipeline to run dry in the direction of the data: workers, batches, collector, writer.
void run_threads(RunState& run, std::vector<std::unique_ptr<Worker>>& workers, Collector& collector,
                 LatencyHistogram& write_times, Clock::time_point start) {
  std::jthread writer([&] {
    name_this_thread("smol-write");
    write_rows(run, write_times);
  });
  std::jthread collecting([&] {
    name_this_thread("smol-collect");
    collector.work();
  });
  std::optional<ReadAhead> read_ahead;
  if (const int io_threads = count_io_threads(run); io_threads > 0) {
    run.read_ahead = &read_ahead.emplace(run, io_threads, read_ahead_bytes(run));
  }
  std::atomic<int> working{static_cast<int>(workers.size())};
  const bool pin = run.plans.front()->plan.shape.pin_threads;
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    threads.emplace_back([&, i] {
      name_this_thread(fmt::format("smol-work-{}", i));
      if (pin) pin_this_thread(static_cast<int>(i));
      const LongTimeSlices slices;
      workers[i]->work();
      working.fetch_sub(1);
    });
  }
  monitor(run, working, start);
  threads.clear();
  if (read_ahead) run.read_ahead_peak_bytes = read_ahead->peak_bytes();
  read_ahead.reset();
  for (const auto& assembler : run.assemblers) assembler->seal();
  for (const auto& assembler : run.assemblers) assembler->wait_until_idle();
  run.events.close();
  collecting.join();
  writer.join();
}

RunReport summarise(const RunState& run, const Collector& collector, int num_workers) {
  RunReport report;
  report.items = run.items.load();
  report.skipped = run.skipped.load();
  report.rows = collector.rows();
  report.decodes = run.decodes.load();
  report.thumbnails = run.thumbnails.load();
  report.thumbnail_fallbacks = run.thumbnail_fallbacks.load();
  report.peak_memory_bytes = slot_bytes(run) + run.memory->peak_bytes() + static_cast<std::int64_t>(run.rows.peak_weight()) +
                             run.held_rows.peak_bytes() + run.read_ahead_peak_bytes;
  report.errors_by_code = collector.errors_by_code();
  for (const auto& [code, count] : report.errors_by_code) report.error_rows += count;
  for (int code = 0; code < kNumErrorCodes; ++code) {
    const std::int64_t count = run.earlier_errors[static_cast<std::size_t>(code)].load();
    report.earlier_error_rows += count;
    if (count > 0) report.errors_by_code[std::string(name_of(static_cast<ErrorCode>(code)))] += count;
  }
  for (std::size_t stage = 0; stage < report.stages.size(); ++stage)
    report.stages[stage] = collector.stages()[stage].summary();
  const CompiledPlan::State& first = *run.plans.front();
  report.host_workers = num_workers;
  report.streams = first.streams;
  report.batch = first.instance->batch();
  report.slots = first.slots;
  report.runnable_threads = num_workers + count_io_threads(run);
  for (const CompiledPlan::State* plan : run.plans) report.runnable_threads += inference_threads(*plan);
  for (const auto& assembler : run.assemblers) report.worker_wait_seconds += assembler->lease_wait_seconds();
  return report;
}

}  // namespace

Result<RunReport> execute(const Runtime& runtime, std::span<CompiledPlan> plans, Source& source, Sink& sink,
                          const RunOptions& options) {
  if (plans.empty()) return Error{ErrorCode::kInvalidArgument, "a run needs at least one plan"};
  RunState run(runtime, source, sink, options);
  for (CompiledPlan& plan : plans) {
    const int index = static_cast<int>(run.plans.size());
    CompiledPlan::State& state = plan.state();
    run.plans.push_back(&state);
    run.assemblers.push_back(std::make_unique<BatchAssembler>(
        *state.instance, state.picture, state.slots, state.streams, [&run, index](int slot, Result<InferTiming> result) {
          run.events.push_unbounded(Event{.plan = index, .slot = slot, .result = std::move(result)});
        }));
  }
  const std::stop_callback forward(options.stop, [&run] { run.stop.request_stop(); });
  SMOL_ASSIGN_OR_RETURN(auto workers, make_workers(run));
  Collector collector(run);
  const Clock::time_point start = Clock::now();
  const double cpu_start = process_cpu_seconds();
  LatencyHistogram write_times;
  run_threads(run, workers, collector, write_times, start);

  RunReport report = summarise(run, collector, static_cast<int>(workers.size()));
  StageSummary& write = report.stages[static_cast<std::size_t>(Stage::kWrite)];
  write = write_times.summary();
  std::optional<Error> failure = run.failure();
  if (!failure || failure->code == ErrorCode::kLimitExceeded) {
    const Clock::time_point finish_start = Clock::now();
    // What was done stays valid also when the run was stopped.
    if (Status finished = sink.finish(!failure && !options.stop.stop_requested()); !finished.ok())
      return std::move(finished).error();
    write.total_us += microseconds_since(finish_start);
  }
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  report.cpu_seconds = process_cpu_seconds() - cpu_start;
  report.device_idle_fraction = run.assemblers.front()->idle_seconds() / std::max(report.seconds, 1e-9);
  report.cancelled = options.stop.stop_requested();
  report_progress(run, start);
  if (failure) return *std::move(failure);
  return report;
}

}  // namespace smol
