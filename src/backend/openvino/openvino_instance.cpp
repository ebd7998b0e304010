#include "backend/openvino/openvino_instance.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "backend/openvino/openvino_errors.h"
#include "backend/openvino/openvino_graph.h"
#include "base/thread_budget.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

/// Takes a handle of the tensor; the memory is the request's.
TensorView view_of(ov::Tensor tensor, DType dtype) {
  const ov::Shape& shape = tensor.get_shape();
  TensorView view;
  view.data = tensor.data();
  view.dtype = dtype;
  view.shape.assign(shape.begin(), shape.end());
  return view;
}

class OpenVinoInstance final : public ModelInstance {
 public:
  OpenVinoInstance(ov::CompiledModel compiled, std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs, int batch,
                   std::string max_batch_reason, int num_slots)
      : compiled_(std::move(compiled)),
        inputs_(std::move(inputs)),
        outputs_(std::move(outputs)),
        batch_(batch),
        max_batch_reason_(std::move(max_batch_reason)),
        slots_(num_slots) {
    for (Slot& slot : slots_) slot.request = compiled_.create_infer_request();
  }

  ~OpenVinoInstance() override {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return num_in_flight_ == 0; });
  }

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  int batch() const override { return batch_; }
  std::string_view max_batch_reason() const override { return max_batch_reason_; }
  int num_slots() const override { return static_cast<int>(slots_.size()); }

  std::vector<TensorView> input_tensors(int slot) override {
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      views.push_back(view_of(slots_.at(slot).request.get_input_tensor(i), inputs_[i].dtype));
    }
    return views;
  }

  std::vector<TensorView> output_tensors(int slot) override {
    std::vector<TensorView> views;
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      views.push_back(view_of(slots_.at(slot).request.get_output_tensor(i), outputs_[i].dtype));
    }
    return views;
  }

  void submit(int slot_index, int /*num_valid*/, Completion completion) override {
    Slot& slot = slots_.at(slot_index);
    slot.completion = std::move(completion);
    slot.start = Clock::now();
    {
      const std::lock_guard lock(mutex_);
      ++num_in_flight_;
    }
    try {
      // Set anew each time: OpenVINO takes the callback out while it runs, and the slot may be submitted again before it
      // returns.
      slot.request.set_callback([this, slot_index](const std::exception_ptr& failure) { finish(slot_index, failure); });
      slot.request.start_async();
    } catch (...) {
      // The completion belongs on a thread of ours, so that a caller may hold its locks while it submits.
      const std::lock_guard lock(mutex_);
      failures_.emplace_back([this, slot_index, failure = std::current_exception()] { finish(slot_index, failure); });
    }
  }

 private:
  struct Slot {
    ov::InferRequest request;
    Completion completion;
    Clock::time_point start;
  };

  /// Runs on a thread of OpenVINO's.
  void finish(int slot_index, const std::exception_ptr& failure) {
    thread_local const bool named = (name_this_thread("openvino"), true);
    (void)named;
    Slot& slot = slots_[slot_index];
    const double infer_us = std::chrono::duration<double, std::micro>(Clock::now() - slot.start).count();
    // Moved out first: the slot may be submitted again as soon as the completion has run.
    const Completion completion = std::move(slot.completion);
    completion(failure ? Result<InferTiming>(error_of(failure)) : Result<InferTiming>(InferTiming{.infer_us = infer_us}));
    const std::lock_guard lock(mutex_);
    --num_in_flight_;
    idle_.notify_all();
  }

  static Error error_of(const std::exception_ptr& failure) {
    return without_exceptions("inference failed", ErrorCode::kDevice, [&]() -> Status { std::rethrow_exception(failure); })
        .error();
  }

  ov::CompiledModel compiled_;
  std::vector<TensorSpec> inputs_, outputs_;
  int batch_;
  std::string max_batch_reason_;
  std::mutex mutex_;
  std::condition_variable idle_;
  int num_in_flight_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::jthread> failures_;
};

}  // namespace

Result<std::unique_ptr<ModelInstance>> create_openvino_instance(ov::CompiledModel compiled, int batch,
                                                                std::string max_batch_reason, int num_slots) {
  SMOL_ASSIGN_OR_RETURN(std::vector<TensorSpec> inputs, specs_of(compiled.inputs()));
  SMOL_ASSIGN_OR_RETURN(std::vector<TensorSpec> outputs, specs_of(compiled.outputs()));
  return std::unique_ptr<ModelInstance>(std::make_unique<OpenVinoInstance>(
      std::move(compiled), std::move(inputs), std::move(outputs), batch, std::move(max_batch_reason), num_slots));
}

}  // namespace smol
