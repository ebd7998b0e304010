#pragma once
/// Running plans: execute(plan, source, sink), and measuring to get them: plan(dataset).

#include <array>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "smol/backend.h"
#include "smol/codec.h"
#include "smol/model.h"
#include "smol/plan.h"
#include "smol/prices.h"
#include "smol/profile.h"
#include "smol/result.h"
#include "smol/source.h"

namespace smol {

/// What became of one (item, region, plan). Every item gets its rows, also when it failed.
struct Row {
  std::int64_t ticket = 0;  ///< order of reading, for ordered output
  std::string item, region;
  std::string fingerprint;  ///< region_fingerprint() of the item and region
  int plan = 0;             ///< index into the plans being run
  std::optional<Error> error;
  bool truncated = false, recovered = false;  ///< the answer comes from damaged data
  Prediction prediction;
  /// Of this item; inference: its batch's time divided by the batch's items. Without writing, which comes after the row.
  std::array<float, kNumStages> stage_us{};
};

/// Takes rows. Called from one thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;
  /// Rows are borrowed. An error stops the run.
  virtual Status write(std::span<const Row> rows) = 0;
  /// Makes everything durable. Called once, never after a failed write. `complete` is false when the run was stopped early.
  virtual Status finish(bool complete) = 0;
  /// Rows that are already there from an earlier run (resume): asked before an item is read.
  [[nodiscard]] virtual bool has(std::string_view item, std::string_view region, std::string_view fingerprint,
                                 int plan) const {
    (void)item, (void)region, (void)fingerprint, (void)plan;
    return false;
  }
  /// The error in a row that has() knows: it counts as if this run had found it.
  [[nodiscard]] virtual std::optional<ErrorCode> failure(std::string_view item, std::string_view region,
                                                         std::string_view fingerprint, int plan) const {
    (void)item, (void)region, (void)fingerprint, (void)plan;
    return std::nullopt;
  }
};

/// Optimisations that can be switched off to see what they buy (the paper's Figures 7 and 8).
struct Ablation {
  bool threading = true;        ///< many host workers and streams
  bool pipelining = true;       ///< preprocessing overlaps inference
  bool buffer_reuse = true;     ///< decoders, scratch memory and file buffers live as long as the worker
  bool over_allocation = true;  ///< more batch buffers than streams
  bool pinning = true;          ///< batch buffers in memory that a device copies from directly; no effect without a device
};

struct Progress {
  std::int64_t items = 0, errors = 0, skipped = 0;
  std::optional<std::int64_t> total;
  double seconds = 0;
};

struct RunOptions {
  FailOn fail_on = FailOn::kTruncated;
  std::optional<std::array<std::uint8_t, 3>> background;  ///< as of DecodeRequest
  DecodeLimits limits;
  bool ordered = false;  ///< rows in the source's order
  bool stage_times = false;
  /// Bound on batch buffers, pictures being decoded and rows on their way; 0 = a quarter of the machine's memory.
  std::int64_t memory_bytes = 0;
  /// Past it the run ends with kLimitExceeded: on the way from 20 items on, at its end however few they are.
  double max_failure_fraction = 1;
  std::chrono::milliseconds max_batch_delay{1000};  ///< a partly filled batch does not wait longer
  std::chrono::milliseconds max_row_delay{200};     ///< nor does a finished row for others to be written with
  Ablation ablation;
  std::stop_token stop;
  std::function<void(const Progress&)> on_progress;  ///< about 10 times a second, from one thread
};

/// Times of one stage over a run, microseconds.
struct StageSummary {
  std::int64_t count = 0;
  double total_us = 0, p50_us = 0, p95_us = 0, p99_us = 0;
};

struct RunReport {
  std::int64_t items = 0;    ///< read (without skipped)
  std::int64_t skipped = 0;  ///< already in the sink
  std::int64_t rows = 0, error_rows = 0;
  std::int64_t earlier_error_rows = 0;                 ///< of skipped items: errors that an earlier run recorded (resume)
  std::map<std::string, std::int64_t> errors_by_code;  ///< of error_rows and earlier_error_rows
  double seconds = 0;
  double cpu_seconds = 0;                ///< of the whole process
  std::int64_t decodes = 0;              ///< pictures or parts of them; several regions or plans may share one
  std::int64_t thumbnails = 0;           ///< of the decodes: of embedded thumbnails in place of pictures
  std::int64_t thumbnail_fallbacks = 0;  ///< of the decodes: of pictures, though a plan would take thumbnails
  std::int64_t peak_memory_bytes = 0;    ///< most of RunOptions::memory_bytes that was accounted for at once
  int host_workers = 0, streams = 0, batch = 0, slots = 0;
  /// Threads that may want a core at the same time: workers, those of the streams where inference runs on the host's cores,
  /// and those that read ahead.
  int runnable_threads = 0;
  double worker_wait_seconds =
      0;  ///< workers waiting for a free batch buffer, summed over workers: inference is the bottleneck
  double device_idle_fraction =
      0;  ///< share of the wall time in which no inference was in flight: preprocessing is the bottleneck
  bool cancelled = false;
  /// By item that did not fail; writing: by row, its total with the time to finish the output.
  std::array<StageSummary, kNumStages> stages{};
  [[nodiscard]] double throughput() const { return seconds > 0 ? static_cast<double>(items) / seconds : 0; }
};

/// The tables a run needs. Immutable while runs use them.
struct Runtime {
  CodecRegistry codecs = built_in_codecs();
  BackendRegistry backends = built_in_backends();
  std::vector<std::shared_ptr<const UserOperator>> user_operators;
};

/// Loads a shared object that adds codecs, backends or user operators to `runtime`. It exports
/// `extern "C" const char* smol_register_v1(smol::Runtime&)`, which returns null or why it cannot be used, and stays loaded
/// until the process ends. kNotFound, kInvalidArgument.
[[nodiscard]] Status load_plugin(Runtime& runtime, const std::string& path);

/// One plan with its card, compiled and ready; reusable for several runs, one at a time.
class CompiledPlan {
 public:
  struct State;
  explicit CompiledPlan(std::unique_ptr<State> state);
  CompiledPlan(CompiledPlan&&) noexcept;
  CompiledPlan& operator=(CompiledPlan&&) noexcept;
  ~CompiledPlan();
  [[nodiscard]] State& state() const { return *state_; }
  [[nodiscard]] const Plan& plan() const;
  [[nodiscard]] const ModelCard& card() const;

 private:
  std::unique_ptr<State> state_;
};
/// `options`: those that execute() will be given.
[[nodiscard]] Result<CompiledPlan> compile(const Runtime& runtime, const Plan& plan, const RunOptions& options = {});

/// Runs the plans over the source. Several plans share one reading and decoding of each item where their decode steps agree.
/// An error is returned only for what stops a run; items' errors are rows.
[[nodiscard]] Result<RunReport> execute(const Runtime& runtime, std::span<CompiledPlan> plans, Source& source, Sink& sink,
                                        const RunOptions& options = {});

/// Keeps rows in memory.
class MemorySink final : public Sink {
 public:
  Status write(std::span<const Row> rows) override {
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    return {};
  }
  Status finish(bool /*complete*/) override { return {}; }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

/// The answers for chosen items of a dataset, as queries and cascades ask them of a stage (a compiled plan), over the
/// executor of whole runs: rows in the order of `item_ids`, regions in theirs. Items that fail have rows with their errors.
/// kNotFound for an id that the dataset has not.
[[nodiscard]] Result<std::vector<Row>> evaluate(const Runtime& runtime, CompiledPlan& stage, const Dataset& dataset,
                                                const std::string& rendition, std::span<const std::string> item_ids,
                                                const RunOptions& options = {});

struct ParquetOptions {
  bool resume = false;        ///< keep finished parts and skip their items; otherwise an existing output is an error
  bool overwrite = false;     ///< remove an existing output first; of a shard, its own parts only
  bool retry_failed = false;  ///< with resume: run items again whose rows are errors; the new rows replace the old ones
  bool stage_times = false;
  std::int64_t rows_per_part = 50'000;
  std::chrono::milliseconds part_interval{10'000};  ///< a part is closed at the latest after this time
  int shard = 0, num_shards = 1;                    ///< names parts "shard-i-of-n"
};
/// kInvalidArgument for options that contradict each other.
[[nodiscard]] Status check(const ParquetOptions& options);
/// `path` is a folder of part files, or a single file ending in .parquet (merged from the parts in `path`.parts at the end).
/// `plans` are those that execute() will be given, in the same order; what is needed of them is copied.
[[nodiscard]] Result<std::unique_ptr<Sink>> create_parquet_sink(const std::string& path, std::span<const CompiledPlan> plans,
                                                                const ParquetOptions& options);

/// What `plan()` tries and how the choice is constrained.
struct PlanOptions {
  std::vector<std::string> models;  ///< card paths; empty: the dataset's
  // Constraints. With min_accuracy the fastest plan that meets all is chosen, with others alone the most accurate one,
  // without any the fastest.
  std::optional<double> min_accuracy;    ///< in [0,1]; met only if the lower end of the 95 % interval reaches it
  std::optional<double> min_throughput;  ///< items a second
  std::optional<double> max_latency_ms;  ///< from a picture's first byte to its answer, the machine being idle
  std::optional<double> max_cost;        ///< price of a million items, in the currency of `instance`
  std::optional<Instance> instance;      ///< what max_cost is reckoned with
  int calibration_items = 0;             ///< 0: choose_calibration()'s, or the dataset's own list or fraction
  bool allow_lossy = true;               ///< reduced fidelity decoding among the candidates
  bool all_fidelities = false;           ///< also those that are predicted to save less than 5 % of preprocessing
  bool all_placements = false;           ///< also on devices that share the host's cores, where moving work saves none
  std::vector<std::string> disabled_rules;
  std::vector<Precision> precisions;  ///< empty: f32 and, where fast, bf16
  ExecutionShape shape;
  /// exact_plan: so many pictures that measuring which batch is fastest pays; it takes a few seconds. Else the shape's.
  bool measure_batch = false;
  int repeats = 3;
  double time_budget_s = 0;          ///< measuring stops in good order when it is spent; 0: no bound
  bool breakdown = false;            ///< also where the time of one item goes, step by step, for the report
  std::string cache_folder;          ///< answers and rates are kept here and found again; empty: nowhere
  const Profile* profile = nullptr;  ///< its rates stand in for measuring; what it lacks is measured
  DecodeLimits limits;               ///< of the calibration items
  std::stop_token stop;
  /// `seconds_left` is an estimate that is revised on the way.
  std::function<void(const std::string& what, double done_s, double seconds_left)> on_progress;
};
/// Plans a dataset: profiles the stages of every model x rendition x fidelity x precision x placement x batch on a sample,
/// predicts the throughput of all, races their accuracies, measures the best end to end, and chooses.
/// A constraint that no plan is known to meet is no error: PlanSet::decision says so, with the nearest that can be had, and
/// nothing is chosen. Where the accuracy of a plan cannot be measured (embeddings, raw outputs), it is a candidate only if
/// it cannot change answers: exact, in f32 or as stored, on the first rendition. The others are among PlanSet::dominated.
/// `measured`, if given, gets the profile behind the plans.
[[nodiscard]] Result<PlanSet> plan(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options,
                                   Profile* measured = nullptr);
/// Plans of a file measured again, here and on these items: their rates and predictions are new, and so is the choice, under
/// the constraints that the file was made under. Accuracies belong to answers and are kept. Left out are plans whose
/// rendition `dataset` has not, and those that are known to miss a wanted accuracy. Of `options` it reads repeats,
/// calibration_items, limits, instance (which a greatest cost needs), time_budget_s, stop and on_progress.
/// kInvalidArgument when nothing is left.
[[nodiscard]] Result<PlanSet> replan(const Runtime& runtime, const Dataset& dataset, const PlanSet& earlier,
                                     const PlanOptions& options = {});
/// Plans with nothing but a profile, for a machine or models that are not here: every model of the profile on every
/// rendition. The plans hold predictions only and cannot be run. Of `options` the constraints are read.
[[nodiscard]] Result<PlanSet> plan(const Profile& profile, const PlanOptions& options);

/// Sentences about a set of plans that a reader would otherwise have to work out: where a larger model on a smaller
/// rendition beats a smaller one on the full pictures, which models cost nothing because preprocessing is slower, which
/// plans the data do not tell apart, how good the cost models were.
[[nodiscard]] std::vector<std::string> findings(const PlanSet& plans);

/// So many items repay the seconds in which exact_plan() measures the fastest batch; fewer run one by one.
inline constexpr std::int64_t kItemsWorthMeasuringBatch = 5000;

/// The exact plan of one model card: what runs where nothing was planned. Only its batch is measured, and that on request.
/// `sample` shows what the pictures are like; items that cannot be read are passed over, and without any the pictures are
/// taken for photographs of 500x375. What is guessed wrong costs time, never answers. Of `options` it reads precisions,
/// disabled_rules, shape, measure_batch and stop.
[[nodiscard]] Result<Plan> exact_plan(const Runtime& runtime, const std::string& card_path, const std::string& rendition,
                                      const std::vector<Item>& sample, const PlanOptions& options = {});

}  // namespace smol
