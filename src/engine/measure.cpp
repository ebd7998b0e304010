#include "engine/measure.h"

#include <algorithm>
#include <atomic>
#include <cstring>

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

std::unique_ptr<Source> repeat_items(std::vector<Item> items, std::int64_t count) {
  return std::make_unique<RepeatedItems>(std::move(items), count);
}

Result<double> measure_inference(CompiledPlan& plan, double seconds) {
  ModelInstance& instance = *plan.state().instance;
  const int num_slots = std::min(instance.num_slots(), plan.state().slots);
  struct Done {
    int slot;
    Result<InferTiming> result;
  };
  BoundedQueue<Done> done(static_cast<std::size_t>(num_slots));
  int in_flight = 0;
  const auto submit = [&](int slot) {
    ++in_flight;
    instance.submit(slot, instance.batch(), [&done, slot](Result<InferTiming> result) {
      done.push_unbounded({slot, std::move(result)});
    });
  };
  for (int slot = 0; slot < num_slots; ++slot) {
    for (const TensorView& tensor : instance.input_tensors(slot)) fill_synthetic(tensor);
    submit(slot);
  }
  std::optional<Error> failure;
  const auto wait_for_one = [&] {
    Done finished = *done.pop();
    --in_flight;
    if (!finished.result.ok() && !failure) failure = std::move(finished.result).error();
    return finished.slot;
  };
  for (int warm = 0; warm < num_slots && !failure; ++warm) submit(wait_for_one());
  // Steady state: every completion is answered by a submit, so the device never runs dry while the clock runs.
  std::int64_t batches = 0;
  const Clock::time_point start = Clock::now();
  double elapsed = 0;
  while (!failure && elapsed < seconds) {
    submit(wait_for_one());
    ++batches;
    elapsed = seconds_since(start);
  }
  while (in_flight > 0) wait_for_one();
  if (failure) return *failure;
  return static_cast<double>(batches) * instance.batch() / elapsed;
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
