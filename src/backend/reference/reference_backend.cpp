#include "backend/reference/reference_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <optional>
#include <thread>

#include "backend/reference/device_operators.h"
#include "backend/reference/reference_model.h"
#include "backend/slot_memory.h"
#include "backend/stream_threads.h"

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;
using Specs = std::pair<std::vector<TensorSpec>, std::vector<TensorSpec>>;

TensorSpec spec_of(const std::string& name, const OutputSpec& picture) {
  const int channels = picture.color == ColorOrder::kGray ? 1 : 3;
  return {name, picture.dtype,
          picture.layout == Layout::kNCHW ? Shape{-1, channels, picture.height, picture.width}
                                          : Shape{-1, picture.height, picture.width, channels}};
}

class ReferenceInstance final : public ModelInstance {
 public:
  ReferenceInstance(ReferenceModel model, std::optional<DeviceOperators> device_operators, TensorSpec input, int batch,
                    std::string max_batch_reason, int streams, int num_slots)
      : model_(std::move(model)),
        device_operators_(std::move(device_operators)),
        inputs_(with_batch({std::move(input)}, batch)),
        outputs_(with_batch({model_.output()}, batch)),
        batch_(batch),
        max_batch_reason_(std::move(max_batch_reason)),
        memory_(inputs_, outputs_, num_slots, MemoryKind::kHost),
        slots_(num_slots),
        threads_("reference", streams, num_slots, [this](int slot) { run(slot); }) {}

  const std::vector<TensorSpec>& inputs() const override { return inputs_; }
  const std::vector<TensorSpec>& outputs() const override { return outputs_; }
  int batch() const override { return batch_; }
  std::string_view max_batch_reason() const override { return max_batch_reason_; }
  int num_slots() const override { return static_cast<int>(slots_.size()); }
  std::vector<TensorView> input_tensors(int slot) override { return memory_.inputs(slot); }
  std::vector<TensorView> output_tensors(int slot) override { return memory_.outputs(slot); }

  void submit(int slot, int num_valid, Completion completion) override {
    slots_.at(slot) = {std::clamp(num_valid, 0, batch_), std::move(completion)};
    threads_.post(slot);
  }

 private:
  struct Slot {
    int num_valid = 0;
    Completion completion;
  };

  void run(int slot_index) {
    const Clock::time_point start = Clock::now();
    const Slot slot = std::move(slots_[slot_index]);
    const Status status = infer(slot_index, slot.num_valid);
    const double infer_us = std::chrono::duration<double, std::micro>(Clock::now() - start).count();
    slot.completion(status.ok() ? Result<InferTiming>(InferTiming{.infer_us = infer_us})
                                : Result<InferTiming>(status.error()));
  }

  Status infer(int slot, int num_valid) {
    if (model_.delay_us() > 0) std::this_thread::sleep_for(std::chrono::microseconds(model_.delay_us()));
    const std::int64_t number = ++num_inferences_;
    if (model_.fail_every() > 0 && number % model_.fail_every() == 0) {
      return Error{ErrorCode::kDevice, fmt::format("the reference model fails every {}th inference", model_.fail_every()),
                   Stage::kInfer};
    }
    const TensorView input = memory_.inputs(slot)[0], output = memory_.outputs(slot)[0];
    const std::size_t input_bytes = input.size_bytes() / batch_, output_values = output.num_elements() / batch_;
    std::vector<float> model_input;  // floats for their alignment; holds any input type
    if (device_operators_) {
      const OutputSpec& picture = model_.picture();
      model_input.resize(static_cast<std::size_t>(picture.width) * picture.height * 3);
    }
    for (int row = 0; row < num_valid; ++row) {
      const void* picture = static_cast<const std::byte*>(input.data) + row * input_bytes;
      if (device_operators_) {
        device_operators_->apply(picture, model_input.data());
        picture = model_input.data();
      }
      model_.infer(picture, static_cast<float*>(output.data) + row * output_values);
    }
    return {};
  }

  const ReferenceModel model_;
  const std::optional<DeviceOperators> device_operators_;
  std::vector<TensorSpec> inputs_, outputs_;
  int batch_;
  std::string max_batch_reason_;
  SlotMemory memory_;
  std::vector<Slot> slots_;
  std::atomic<std::int64_t> num_inferences_ = 0;
  StreamThreads threads_;  // last: its destructor finishes what is in flight, and needs the rest
};

class ReferenceBackend final : public Backend {
 public:
  ReferenceBackend() {
    capabilities_.model_extensions = {".refmodel"};
    capabilities_.compiles_device_operators = true;
    capabilities_.device_name = "host";
  }

  std::string_view name() const override { return "reference"; }
  std::string description() const override { return "deterministic models for tests"; }
  const BackendCapabilities& capabilities() const override { return capabilities_; }

  Result<Specs> describe(const std::string& model_path) const override {
    SMOL_ASSIGN_OR_RETURN(const ReferenceModel model, ReferenceModel::load(model_path));
    return Specs{{model.input()}, {model.output()}};
  }

  Result<std::unique_ptr<ModelInstance>> compile(const CompileOptions& options, int num_slots) const override {
    if (options.batch < 1 || num_slots < 1 || options.device != 0) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("batch and slots must be at least 1, the device 0: {}, {}, {}",
                                                            options.batch, num_slots, options.device)};
    }
    if (options.precision != Precision::kF32 && options.precision != Precision::kAsStored) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("the reference backend computes f32 and as_stored: {}", name_of(options.precision))};
    }
    SMOL_ASSIGN_OR_RETURN(ReferenceModel model, ReferenceModel::load(options.model_path));
    TensorSpec input = model.input();
    std::optional<DeviceOperators> device_operators;
    if (!options.device_operators.empty()) {
      if (!options.host_output) {
        return Error{ErrorCode::kInvalidArgument, "device operators need host_output, which says what the host writes"};
      }
      SMOL_ASSIGN_OR_RETURN(device_operators,
                            DeviceOperators::create(*options.host_output, options.device_operators, model.picture()));
      input = spec_of(input.name, *options.host_output);
    }
    const bool too_large = model.max_batch() > 0 && options.batch > model.max_batch();
    const int batch = too_large ? model.max_batch() : options.batch;
    std::string reason = too_large ? fmt::format("the model file says max_batch {}", model.max_batch()) : "";
    try {
      return std::unique_ptr<ModelInstance>(
          std::make_unique<ReferenceInstance>(std::move(model), std::move(device_operators), std::move(input), batch,
                                              std::move(reason), std::max(options.streams, 1), num_slots));
    } catch (const std::bad_alloc&) {
      return Error{ErrorCode::kOutOfMemory, fmt::format("no memory for {} slots of batch {}", num_slots, batch),
                   Stage::kInfer};
    }
  }

 private:
  BackendCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Backend> create_reference_backend() { return std::make_unique<ReferenceBackend>(); }

}  // namespace smol
