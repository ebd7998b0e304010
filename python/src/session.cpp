// smol/session.h: planning and running.
#include "smol/session.h"

#include <fmt/format.h>

#include "row_stream.h"

namespace smol::python {
namespace {

/// Wraps a Python callable for C++ threads. What it raises is kept, and `stop` requested.
template <typename... Arguments>
std::function<void(Arguments...)> with_gil(nb::handle callable, std::shared_ptr<RaisedError> raised,
                                           const std::shared_ptr<std::stop_source>& stop) {
  if (callable.is_none()) return {};
  return [callable, raised = std::move(raised), stop](Arguments... arguments) {
    const nb::gil_scoped_acquire acquired;
    try {
      callable(arguments...);
    } catch (nb::python_error& error) {
      raised->keep(std::move(error));
      stop->request_stop();
    }
  };
}

RunOptions make_options(const std::string& fail_on, std::optional<std::int64_t> max_pixels, bool ordered, bool stage_times,
                        std::int64_t memory_bytes, double max_failures) {
  RunOptions options;
  options.fail_on = unwrap(parse_fail_on(fail_on));
  if (max_pixels) options.limits.max_pixels = *max_pixels;
  options.ordered = ordered;
  options.stage_times = stage_times;
  options.memory_bytes = memory_bytes;
  if (max_failures < 0 || max_failures > 1) {
    throw Exception(Error{ErrorCode::kInvalidArgument, fmt::format("max_failures is a fraction 0..1: {}", max_failures)});
  }
  options.max_failure_fraction = max_failures;
  return options;
}

// As `smol run` does: the fastest batch is measured where there are items enough to repay it, unless one is wanted.
Plan exact_plan_of(const std::string& card, const std::string& rendition, const ItemStream& items, int batch,
                   const UserOperators& user_operators) {
  const std::shared_ptr<const Runtime> runtime = runtime_with(user_operators);
  PlanOptions options;
  options.measure_batch = batch == 0 && items.source && items.source->size().value_or(0) >= kItemsWorthMeasuringBatch;
  return unwrap(run_interruptibly([&](const std::stop_token& stop) {
    options.stop = stop;
    return exact_plan(*runtime, card, rendition, items.sample, options);
  }));
}

std::pair<PlanSet, Profile> plan_dataset(const Dataset& dataset, PlanOptions options, const Profile* profile,
                                         const UserOperators& user_operators, nb::object on_progress) {
  const std::shared_ptr<const Runtime> runtime = runtime_with(user_operators);
  const auto raised = std::make_shared<RaisedError>();
  const auto stop = std::make_shared<std::stop_source>();
  options.stop = stop->get_token();
  options.on_progress = with_gil<const std::string&, double, double>(std::move(on_progress), raised, stop);
  options.profile = profile;
  Profile measured;
  Result<PlanSet> plans = run_interruptibly([&](const std::stop_token& interrupted) {
    const std::stop_callback forward(interrupted, [&] { stop->request_stop(); });
    return plan(*runtime, dataset, options, &measured);
  });
  raised->raise_if_any();
  return {unwrap(std::move(plans)), std::move(measured)};
}

// The attributes are those of include/smol/session.h; the names' meaning is told in plans.py.
void bind_plan_options(nb::module_& module) {
  nb::class_<PlanOptions>(module, "PlanOptions")
      .def(nb::init<>())
      .def_rw("models", &PlanOptions::models)
      .def_rw("min_accuracy", &PlanOptions::min_accuracy, nb::arg().none())
      .def_rw("min_throughput", &PlanOptions::min_throughput, nb::arg().none())
      .def_rw("max_latency_ms", &PlanOptions::max_latency_ms, nb::arg().none())
      .def_rw("max_cost", &PlanOptions::max_cost, nb::arg().none())
      .def_rw("calibration_items", &PlanOptions::calibration_items)
      .def_rw("allow_lossy", &PlanOptions::allow_lossy)
      .def_rw("disabled_rules", &PlanOptions::disabled_rules)
      .def_rw("repeats", &PlanOptions::repeats)
      .def_rw("time_budget_s", &PlanOptions::time_budget_s)
      .def_rw("breakdown", &PlanOptions::breakdown)
      .def_rw("cache_folder", &PlanOptions::cache_folder)
      .def_prop_rw(
          "batch", [](const PlanOptions& options) { return options.shape.batch; },
          [](PlanOptions& options, int batch) { options.shape.batch = batch; })
      .def(
          "set_precisions",
          [](PlanOptions& options, const std::vector<std::string>& names) {
            for (const std::string& name : names) options.precisions.push_back(unwrap(parse_precision(name)));
          },
          "names"_a)
      .def(
          "set_instance",
          [](PlanOptions& options, const std::string& prices, const std::string& name) {
            options.instance = unwrap(unwrap(load_prices(prices)).find(name));
          },
          "prices"_a, "name"_a);
}

Result<RunReport> compile_and_write(const Runtime& runtime, const std::vector<Plan>& plans, Source& source,
                                    const std::string& path, const ParquetOptions& output, const RunOptions& options) {
  std::vector<CompiledPlan> compiled;
  for (const Plan& plan : plans) {
    SMOL_ASSIGN_OR_RETURN(CompiledPlan ready, compile(runtime, plan, options));
    compiled.push_back(std::move(ready));
  }
  SMOL_ASSIGN_OR_RETURN(const std::unique_ptr<Sink> sink, create_parquet_sink(path, compiled, output));
  return execute(runtime, compiled, source, *sink, options);
}

RunReport write_parquet(const std::vector<Plan>& plans, ItemStream& items, RunOptions options, const std::string& path,
                        const ParquetOptions& output, const UserOperators& user_operators, nb::object on_progress) {
  if (!items.source) throw Exception(Error{ErrorCode::kInvalidArgument, "these items were run before"});
  const std::shared_ptr<const Runtime> runtime = runtime_with(user_operators);
  const std::unique_ptr<Source> source = std::move(items.source);
  const auto stop = std::make_shared<std::stop_source>();
  options.stop = stop->get_token();
  options.on_progress = with_gil<const Progress&>(std::move(on_progress), items.raised, stop);
  Result<RunReport> report = run_interruptibly([&](const std::stop_token& interrupted) {
    const std::stop_callback forward(interrupted, [&] { stop->request_stop(); });
    return compile_and_write(*runtime, plans, *source, path, output, options);
  });
  items.raised->raise_if_any();
  return unwrap(std::move(report));
}

std::map<std::string, double> stage_means(const RunReport& report) {
  std::map<std::string, double> means;
  for (int stage = 0; stage < kNumStages; ++stage) {
    const StageSummary& summary = report.stages[stage];
    if (summary.count > 0)
      means[std::string(name_of(static_cast<Stage>(stage)))] = summary.total_us / static_cast<double>(summary.count);
  }
  return means;
}

void bind_reports(nb::module_& module) {
  nb::class_<Progress>(module, "Progress", "How far a run is.")
      .def_ro("items", &Progress::items)
      .def_ro("errors", &Progress::errors)
      .def_ro("skipped", &Progress::skipped)
      .def_ro("total", &Progress::total)
      .def_ro("seconds", &Progress::seconds);
  nb::class_<RunReport>(module, "RunReport", "What a run did.")
      .def_ro("items", &RunReport::items)
      .def_ro("skipped", &RunReport::skipped)
      .def_ro("rows", &RunReport::rows)
      .def_ro("error_rows", &RunReport::error_rows)
      .def_ro("earlier_error_rows", &RunReport::earlier_error_rows)
      .def_ro("decodes", &RunReport::decodes)
      .def_ro("thumbnails", &RunReport::thumbnails, "Of the decodes: embedded thumbnails in place of pictures.")
      .def_ro("thumbnail_fallbacks", &RunReport::thumbnail_fallbacks,
              "Of the decodes: pictures, though a plan would take thumbnails.")
      .def_ro("peak_memory_bytes", &RunReport::peak_memory_bytes)
      .def_ro("errors_by_code", &RunReport::errors_by_code)
      .def_ro("seconds", &RunReport::seconds)
      .def_ro("cpu_seconds", &RunReport::cpu_seconds)
      .def_prop_ro("throughput", &RunReport::throughput, "Items a second.")
      .def_ro("host_workers", &RunReport::host_workers)
      .def_ro("streams", &RunReport::streams)
      .def_ro("runnable_threads", &RunReport::runnable_threads, "Threads that may want a core at the same time.")
      .def_ro("batch", &RunReport::batch)
      .def_ro("worker_wait_seconds", &RunReport::worker_wait_seconds)
      .def_ro("device_idle_fraction", &RunReport::device_idle_fraction)
      .def_ro("cancelled", &RunReport::cancelled)
      .def_prop_ro("stage_us", stage_means, "Mean microseconds an item, by stage.")
      .def("__repr__", [](const RunReport& report) {
        return fmt::format("RunReport(items={}, rows={}, error_rows={}, throughput={:.1f})", report.items, report.rows,
                           report.error_rows, report.throughput());
      });
}

void bind_options(nb::module_& module) {
  nb::class_<RunOptions>(module, "RunOptions")
      .def(nb::new_(&make_options), "fail_on"_a, "max_pixels"_a.none(), "ordered"_a, "stage_times"_a, "memory_bytes"_a,
           "max_failures"_a);
  nb::class_<ParquetOptions>(module, "ParquetOptions")
      .def(nb::new_([](bool resume, bool retry_failed, bool overwrite, bool stage_times, int shard, int num_shards) {
             ParquetOptions options;
             options.resume = resume;
             options.retry_failed = retry_failed;
             options.overwrite = overwrite;
             options.stage_times = stage_times;
             options.shard = shard;
             options.num_shards = num_shards;
             unwrap(check(options));
             return options;
           }),
           "resume"_a, "retry_failed"_a, "overwrite"_a, "stage_times"_a, "shard"_a, "num_shards"_a);
  bind_plan_options(module);
}

}  // namespace

const CodecRegistry& shared_codecs() {
  static const auto* const codecs = new CodecRegistry(built_in_codecs());  // outlives every thread
  return *codecs;
}

std::shared_ptr<const Runtime> runtime_with(UserOperators user_operators) {
  if (user_operators.empty()) {
    // Outlives every thread; loading the backends takes tens of milliseconds.
    static const auto* const shared = new std::shared_ptr<const Runtime>(std::make_shared<const Runtime>());
    return *shared;
  }
  auto runtime = std::make_shared<Runtime>();
  runtime->user_operators = std::move(user_operators);
  return runtime;
}

void bind_session(nb::module_& module) {
  bind_options(module);
  bind_reports(module);
  module.def("exact_plan", exact_plan_of, "card"_a, "rendition"_a, "items"_a, "batch"_a, "user_operators"_a);
  module.def("plan", plan_dataset, "dataset"_a, "options"_a, "profile"_a.none(), "user_operators"_a, "on_progress"_a.none());
  module.def(
      "plan_profile", [](const Profile& profile, const PlanOptions& options) { return unwrap(plan(profile, options)); },
      "profile"_a, "options"_a);
  module.def("write_parquet", write_parquet, "plans"_a, "items"_a, "options"_a, "path"_a, "output"_a, "user_operators"_a,
             "on_progress"_a.none());
  nb::class_<RowStream>(module, "RowStream", "A run whose rows are taken batch by batch.")
      .def(
          "__init__",
          [](RowStream* self, const std::vector<Plan>& plans, ItemStream& items, const RunOptions& options,
             const UserOperators& user_operators) {
            new (self) RowStream(runtime_with(user_operators), plans, items, options);
          },
          "plans"_a, "items"_a, "options"_a, "user_operators"_a)
      .def("next", &RowStream::next)
      .def("close", &RowStream::close)
      .def("columns", &RowStream::columns)
      .def("report", &RowStream::report);
}

}  // namespace smol::python
