#include "engine/measure.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <mutex>

#include "base/statistics.h"
#include "base/thread_budget.h"
#include "engine/bounded_queue.h"
#include "engine/compiled_plan.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class RepeatedItems final : public Source {
 public:
  RepeatedItems(std::vector<Item> items, std::int64_t count)
      : items_(std::move(items)), count_(items_.empty() ? 0 : count) {}
  Result<std::optional<Item>> next() override {
    const std::int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= count_) return std::optional<Item>{};
    return std::optional<Item>{items_[static_cast<std::size_t>(index) % items_.size()]};
  }
  Status next_unit(std::vector<Item>& unit) override {
    unit.clear();
    std::int64_t index = next_.load(std::memory_order_relaxed);
    std::size_t begin = 0, end = 0;
    do {
      if (index >= count_) return {};
      begin = static_cast<std::size_t>(index) % items_.size();
      end = unit_end(items_, begin);
    } while (!next_.compare_exchange_weak(index, index + static_cast<std::int64_t>(end - begin), std::memory_order_relaxed));
    unit.assign(items_.begin() + static_cast<std::ptrdiff_t>(begin), items_.begin() + static_cast<std::ptrdiff_t>(end));
    return {};
  }
  [[nodiscard]] std::optional<std::int64_t> size() const override { return count_; }

 private:
  std::vector<Item> items_;
  std::int64_t count_;
  std::atomic<std::int64_t> next_{0};
};

// Host memory shaped like a model's input whose inference takes no time.
class DiscardingInstance final : public ModelInstance {
 public:
  DiscardingInstance(std::vector<TensorSpec> inputs, int batch, int num_slots) : inputs_(std::move(inputs)), batch_(batch) {
    TensorView view;
    view.dtype = inputs_.front().dtype;
    view.shape = inputs_.front().shape;
    for (int slot = 0; slot < num_slots; ++slot) {
      memory_.emplace_back(view.size_bytes());
      view.data = memory_.back().data();
      views_.push_back(view);
    }
  }
  [[nodiscard]] const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  [[nodiscard]] int batch() const override { return batch_; }
  [[nodiscard]] std::string_view max_batch_reason() const override { return {}; }
  [[nodiscard]] int num_slots() const override { return static_cast<int>(memory_.size()); }
  [[nodiscard]] std::vector<TensorView> input_tensors(int slot) override { return {views_[slot]}; }
  [[nodiscard]] std::vector<TensorView> output_tensors(int /*slot*/) override { return {}; }
  void submit(int /*slot*/, int /*num_valid*/, Completion completion) override { completion(InferTiming{}); }

 private:
  std::vector<TensorSpec> inputs_, outputs_;
  int batch_;
  std::vector<std::vector<std::uint8_t>> memory_;
  std::vector<TensorView> views_;
};

class DiscardingHead final : public TaskHead {
 public:
  Status read(std::span<const TensorView> /*outputs*/, int /*index*/, Prediction& /*prediction*/) const override {
    return {};
  }
};

class DiscardingSink final : public Sink {
 public:
  Status write(std::span<const Row> /*rows*/) override { return {}; }
  Status finish(bool /*complete*/) override { return {}; }
};

// Notes when rows arrive.
class ArrivalSink final : public Sink {
 public:
  explicit ArrivalSink(Sink* next) : next_(next) {}
  Status write(std::span<const Row> rows) override {
    num_rows_ += static_cast<std::int64_t>(rows.size());
    arrivals_.emplace_back(Clock::now(), num_rows_);
    return next_ == nullptr ? Status{} : next_->write(rows);
  }
  Status finish(bool /*complete*/) override { return {}; }

  /// Rows a second between the arrival of row `first` and that of row `last`; 0 where they are not apart.
  [[nodiscard]] double rate(std::int64_t first, std::int64_t last) const {
    const auto at = [&](std::int64_t row) {
      return std::find_if(arrivals_.begin(), arrivals_.end(), [row](const auto& arrival) { return arrival.second >= row; });
    };
    const auto begin = at(first), end = at(last);
    if (begin == arrivals_.end() || end == arrivals_.end() || end->second <= begin->second) return 0;
    const double seconds = std::chrono::duration<double>(end->first - begin->first).count();
    return seconds > 0 ? static_cast<double>(end->second - begin->second) / seconds : 0;
  }

 private:
  Sink* next_;
  std::int64_t num_rows_ = 0;
  std::vector<std::pair<Clock::time_point, std::int64_t>> arrivals_;
};

// A source that gives the items of one batch, then waits until they have their rows, and times that.
class OneBatchAtATime final : public Source {
 public:
  OneBatchAtATime(std::vector<Item> items, int batch, int repeats, std::stop_token stop)
      : items_(std::move(items)),
        batch_(batch),
        num_items_(items_.empty() ? 0 : std::int64_t{batch} * repeats),
        stop_(std::move(stop)) {}

  Result<std::optional<Item>> next() override {
    std::unique_lock lock(mutex_);
    if (num_given_ >= num_items_) return std::optional<Item>{};
    const bool first_of_batch = num_given_ % batch_ == 0;
    // A run that fails gives no more rows: it is not waited for.
    const auto all_answered = [this] { return num_rows_ == num_rows_wanted_; };
    if (first_of_batch && !answered_.wait_for(lock, stop_, kLongestBatch, all_answered)) return std::optional<Item>{};
    if (first_of_batch) start_ = Clock::now();
    const Item& item = items_[static_cast<std::size_t>(num_given_) % items_.size()];
    ++num_given_;
    num_rows_wanted_ += static_cast<std::int64_t>(std::max<std::size_t>(1, item.regions.size()));
    return std::optional<Item>{item};
  }

  /// Counts the rows.
  class Rows final : public Sink {
   public:
    explicit Rows(OneBatchAtATime& turns) : turns_(turns) {}
    Status write(std::span<const Row> rows) override {
      turns_.answer(static_cast<std::int64_t>(rows.size()));
      return {};
    }
    Status finish(bool /*complete*/) override { return {}; }

   private:
    OneBatchAtATime& turns_;
  };

  /// Call it when the run has ended.
  [[nodiscard]] double median_us() const { return median(samples_us_); }

 private:
  static constexpr std::chrono::seconds kLongestBatch{60};

  void answer(std::int64_t num_rows) {
    {
      const std::scoped_lock lock(mutex_);
      num_rows_ += num_rows;
      if (num_rows_ == num_rows_wanted_ && num_given_ % batch_ == 0) samples_us_.push_back(1e6 * seconds_since(start_));
    }
    answered_.notify_all();
  }

  std::vector<Item> items_;
  std::int64_t batch_, num_items_, num_given_ = 0, num_rows_ = 0, num_rows_wanted_ = 0;
  std::stop_token stop_;
  Clock::time_point start_;
  std::vector<double> samples_us_;
  std::mutex mutex_;
  std::condition_variable_any answered_;
};

// Bytes that look like a picture after normalisation in any dtype: small finite numbers.
void fill_synthetic(const TensorView& tensor) {
  auto* bytes = static_cast<std::uint8_t*>(tensor.data);
  if (tensor.dtype == DType::kF32) {
    auto* values = static_cast<float*>(tensor.data);
    for (std::int64_t i = 0; i < tensor.num_elements(); ++i)
      values[i] = static_cast<float>((i * 2654435761U >> 7) % 255) / 127.5F - 1.0F;
  } else if (tensor.dtype == DType::kU8) {
    for (std::size_t i = 0; i < tensor.size_bytes(); ++i) bytes[i] = static_cast<std::uint8_t>(i * 2654435761U >> 7);
  } else {
    std::memset(bytes, 0, tensor.size_bytes());
  }
}

}  // namespace

std::int64_t whole_rounds(std::span<const Item> items, std::int64_t count) {
  if (items.empty() || !items.front().video) return count;
  const std::int64_t workers = available_cores();
  std::int64_t num_items = 0, num_units = 0;
  while (num_items < count || num_units < 2 * workers || num_units % workers != 0) {
    const std::size_t begin = static_cast<std::size_t>(num_items) % items.size();
    num_items += static_cast<std::int64_t>(unit_end(items, begin) - begin);
    ++num_units;
  }
  return num_items;
}

std::unique_ptr<Source> repeat_items(std::vector<Item> items, std::int64_t count) {
  count = whole_rounds(items, count);
  return std::make_unique<RepeatedItems>(std::move(items), count);
}

Result<double> measure_inference(CompiledPlan& plan, double seconds, DeviceTimes* times) {
  ModelInstance& instance = *plan.state().instance;
  const int num_slots = std::min(instance.num_slots(), plan.state().slots);
  struct Done {
    int slot;
    Result<InferTiming> result;
    Clock::time_point at;
  };
  BoundedQueue<Done> done(static_cast<std::size_t>(num_slots));
  int in_flight = 0;
  const auto submit = [&](int slot) {
    ++in_flight;
    instance.submit(slot, instance.batch(), [&done, slot](Result<InferTiming> result) {
      done.push_unbounded({slot, std::move(result), Clock::now()});
    });
  };
  for (int slot = 0; slot < num_slots; ++slot) {
    for (const TensorView& tensor : instance.input_tensors(slot)) fill_synthetic(tensor);
  }
  for (int slot = 0; slot < num_slots; ++slot) submit(slot);
  std::optional<Error> failure;
  InferTiming total;
  std::int64_t num_timed = 0;
  Clock::time_point last;
  const auto wait_for_one = [&] {
    Done finished = *done.pop();
    --in_flight;
    last = finished.at;
    if (finished.result.ok()) {
      total.transfer_us += finished.result->transfer_us;
      total.infer_us += finished.result->infer_us;
      ++num_timed;
    } else if (!failure) {
      failure = std::move(finished.result).error();
    }
    return finished.slot;
  };
  for (int warm = 0; warm < num_slots && !failure; ++warm) submit(wait_for_one());
  // Steady state: every completion is answered by a submit, so the device never runs dry. The clock runs from completion to
  // completion: batches that were finished while others were still being submitted are not counted.
  std::int64_t batches = 0;
  const Clock::time_point start = last;
  double elapsed = 0;
  while (!failure && elapsed < seconds) {
    submit(wait_for_one());
    ++batches;
    elapsed = std::chrono::duration<double>(last - start).count();
  }
  while (in_flight > 0) wait_for_one();
  if (failure) return *failure;
  const double num_items = static_cast<double>(num_timed) * instance.batch();
  if (times != nullptr) *times = {total.transfer_us / num_items, total.infer_us / num_items};
  return static_cast<double>(batches) * instance.batch() / elapsed;
}

Result<double> measure_inference_latency(CompiledPlan& plan, int repeats) {
  ModelInstance& instance = *plan.state().instance;
  for (const TensorView& tensor : instance.input_tensors(0)) fill_synthetic(tensor);
  std::vector<double> samples;
  for (int repeat = -1; repeat < repeats; ++repeat) {  // the first warms up
    BoundedQueue<Result<InferTiming>> done(1);
    const Clock::time_point start = Clock::now();
    instance.submit(0, instance.batch(), [&done](Result<InferTiming> result) { done.push_unbounded(std::move(result)); });
    const Result<InferTiming> result = *done.pop();
    if (!result.ok()) return result.error();
    if (repeat >= 0) samples.push_back(1e6 * seconds_since(start));
  }
  return median(samples);
}

Result<double> measure_latency(const Runtime& runtime, CompiledPlan& plan, std::vector<Item> items, int repeats,
                               const RunOptions& options) {
  OneBatchAtATime turns(std::move(items), plan.state().instance->batch(), repeats, options.stop);
  OneBatchAtATime::Rows rows(turns);
  RunOptions prompt = options;
  prompt.max_row_delay = {};  // the answer is there when it is computed
  SMOL_ASSIGN_OR_RETURN(const RunReport report, execute(runtime, {&plan, 1}, turns, rows, prompt));
  if (report.cancelled) return Error{ErrorCode::kCancelled, "measuring was stopped"};
  return turns.median_us();
}

Result<WholeRate> measure_whole(const Runtime& runtime, CompiledPlan& plan, const std::vector<Item>& items, double seconds,
                                double expected, const RunOptions& options, Sink* sink) {
  constexpr std::int64_t kBatchesInWindow = 6, kLeastItems = 32;
  const CompiledPlan::State& state = plan.state();
  const std::int64_t batch = state.instance->batch();
  const std::int64_t filling = batch * state.streams, draining = batch * state.slots;
  const std::int64_t count = whole_rounds(items, std::max({static_cast<std::int64_t>(expected * seconds), kLeastItems,
                                                           filling + kBatchesInWindow * batch + draining}));
  ArrivalSink arrivals(sink);
  const std::unique_ptr<Source> source = repeat_items(items, count);
  WholeRate rate;
  SMOL_ASSIGN_OR_RETURN(rate.report, execute(runtime, {&plan, 1}, *source, arrivals, options));
  if (rate.report.cancelled) return Error{ErrorCode::kCancelled, "measuring was stopped"};
  const double rows_an_item = static_cast<double>(rate.report.rows) / static_cast<double>(std::max<std::int64_t>(1, count));
  const auto rows = [rows_an_item](std::int64_t num_items) {
    return static_cast<std::int64_t>(static_cast<double>(num_items) * rows_an_item);
  };
  rate.items_per_s = arrivals.rate(rows(filling), rows(count - draining)) / rows_an_item;
  if (!(rate.items_per_s > 0)) rate.items_per_s = rate.report.throughput();
  return rate;
}

Result<RunReport> measure_preprocessing(const Runtime& runtime, CompiledPlan& plan, Source& source,
                                        const RunOptions& options) {
  CompiledPlan::State& real = plan.state();
  auto state = std::make_unique<CompiledPlan::State>();
  state->plan = real.plan;
  state->card = real.card;
  state->picture = real.picture;
  state->instance = std::make_unique<DiscardingInstance>(real.instance->inputs(), real.instance->batch(), real.slots);
  state->head = std::make_unique<DiscardingHead>();
  state->host_workers = real.host_workers;
  state->streams = real.streams;
  state->slots = real.slots;
  CompiledPlan discarding(std::move(state));
  DiscardingSink sink;
  return execute(runtime, {&discarding, 1}, source, sink, options);
}

Status retarget(CompiledPlan& compiled, const Plan& plan) {
  CompiledPlan::State& state = compiled.state();
  const Plan& old = state.plan;
  if (old.model != plan.model || old.backend != plan.backend || old.precision != plan.precision || old.shape != plan.shape ||
      old.pipeline.device_operators != plan.pipeline.device_operators) {
    return Error{ErrorCode::kInvalidArgument,
                 "a compiled plan can only be reused for the same model, backend, precision and shape: " + plan.id};
  }
  SMOL_RETURN_IF_ERROR(verify(plan, state.card));
  SMOL_ASSIGN_OR_RETURN(const OutputSpec picture, verify(plan.pipeline));
  if (picture.dtype != state.picture.dtype || picture.layout != state.picture.layout ||
      picture.width != state.picture.width || picture.height != state.picture.height ||
      picture.color != state.picture.color) {
    return Error{ErrorCode::kInvalidArgument, "a compiled plan can only be reused for the same input tensor: " + plan.id};
  }
  state.plan = plan;
  return {};
}

}  // namespace smol
