#include "backend/simulated/simulated_instance.h"

#include <algorithm>
#include <cstring>

#include "backend/simulated/device_memory.h"
#include "backend/slot_memory.h"

namespace smol {
namespace {

/// Device memory that an instance holds; given back at the end.
class Reservation {
 public:
  Reservation(std::shared_ptr<SimulatedDevice> device, Placement placement)
      : device_(std::move(device)), placement_(std::move(placement)) {}
  ~Reservation() {
    if (device_) device_->release(placement_);
  }
  Reservation(Reservation&&) = default;
  Reservation& operator=(Reservation&&) = delete;
  [[nodiscard]] SimulatedDevice& device() const { return *device_; }
  [[nodiscard]] int device_of(int slot) const { return placement_.device_of_slot[slot]; }

 private:
  std::shared_ptr<SimulatedDevice> device_;
  Placement placement_;
};

double microseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count();
}

std::size_t size_of(const std::vector<TensorView>& tensors) {
  std::size_t bytes = 0;
  for (const TensorView& tensor : tensors) bytes += tensor.size_bytes();
  return bytes;
}

/// A batch's way: arrive (inputs copied in) → compute → depart (outputs copied out, completion). Each step runs on the
/// device's thread at the time of its passage, or when the answers are there, if that is later.
class SimulatedInstance final : public ModelInstance {
 public:
  SimulatedInstance(Reservation reservation, SimulatedModel model, SlotMemory host_memory, DeviceMemory device_memory,
                    int num_slots)
      : reservation_(std::move(reservation)),
        model_(std::move(model)),
        host_memory_(std::move(host_memory)),
        device_memory_(std::move(device_memory)),
        bytes_in_(static_cast<std::int64_t>(size_of(host_memory_.inputs(0)))),
        bytes_out_(static_cast<std::int64_t>(size_of(host_memory_.outputs(0)))),
        compute_us_(batch_time_us(model_.rates, model_.batch) +
                    operators_time_us(device().description(), model_.operations, model_.batch)),
        slots_(num_slots) {
    if (!model_.pinned_memory) staging_.resize(host_memory_.slot_bytes() * static_cast<std::size_t>(num_slots));
  }

  ~SimulatedInstance() override {
    std::unique_lock lock(mutex_);
    idle_.wait(lock, [this] { return num_in_flight_ == 0; });
  }

  const std::vector<TensorSpec>& inputs() const override { return model_.inputs; }
  const std::vector<TensorSpec>& outputs() const override { return model_.outputs; }
  int batch() const override { return model_.batch; }
  std::string_view max_batch_reason() const override { return model_.max_batch_reason; }
  int num_slots() const override { return static_cast<int>(slots_.size()); }
  std::vector<TensorView> input_tensors(int slot) override { return host_memory_.inputs(slot); }
  std::vector<TensorView> output_tensors(int slot) override { return host_memory_.outputs(slot); }

  void submit(int slot_index, int num_valid, Completion completion) override {
    Slot& slot = slots_.at(slot_index);
    slot.num_valid = std::clamp(num_valid, 0, model_.batch);
    slot.completion = std::move(completion);
    slot.answer = InferTiming{};
    slot.staging_us = 0;
    // As drivers do it: pageable memory is copied at once, by the thread that submits.
    if (!staging_.empty())
      stage(slot, source_of(slot_index), host_memory_.slot_data(slot_index), host_memory_.outputs_offset());
    {
      const std::lock_guard lock(mutex_);
      ++num_in_flight_;
    }
    slot.passage = device().admit(reservation_.device_of(slot_index), bytes_in_, bytes_out_, compute_us_);
    device().at(slot.passage.copy_in_end_us, [this, slot_index] { arrive(slot_index); });
  }

 private:
  struct Slot {
    int num_valid = 0;
    Completion completion;
    Passage passage;
    Result<InferTiming> answer = InferTiming{};
    double staging_us = 0;
  };

  [[nodiscard]] SimulatedDevice& device() const { return reservation_.device(); }

  /// What the device copies from and to: the slot itself where it is pinned.
  [[nodiscard]] std::byte* source_of(int slot_index) {
    if (staging_.empty()) return host_memory_.slot_data(slot_index);
    return staging_.data() + host_memory_.slot_bytes() * static_cast<std::size_t>(slot_index);
  }

  static void stage(Slot& slot, std::byte* to, const std::byte* from, std::size_t bytes) {
    const auto start = std::chrono::steady_clock::now();
    std::memcpy(to, from, bytes);
    slot.staging_us += microseconds_since(start);
  }

  void arrive(int slot_index) {
    Slot& slot = slots_[slot_index];
    const DeviceMemory::Window window(device_memory_, slot_index);
    std::memcpy(window.data(), source_of(slot_index), host_memory_.outputs_offset());
    if (!model_.answers) {
      schedule_compute(slot_index);
      return;
    }
    const std::byte* from = window.data();
    const std::vector<TensorView> host = host_memory_.inputs(slot_index), answer = model_.answers->input_tensors(slot_index);
    for (std::size_t i = 0; i < answer.size(); ++i) {
      const auto offset = static_cast<std::byte*>(host[i].data) - host_memory_.slot_data(slot_index);
      std::memcpy(answer[i].data, from + offset, answer[i].size_bytes());
    }
    model_.answers->submit(slot_index, slot.num_valid, [this, slot_index](Result<InferTiming> result) {
      slots_[slot_index].answer = std::move(result);
      schedule_compute(slot_index);
    });
  }

  void schedule_compute(int slot_index) {
    device().at(slots_[slot_index].passage.compute_end_us, [this, slot_index] { finish_compute(slot_index); });
  }

  void finish_compute(int slot_index) {
    Slot& slot = slots_[slot_index];
    if (model_.answers && slot.answer.ok()) {
      const DeviceMemory::Window window(device_memory_, slot_index);
      const std::vector<TensorView> host = host_memory_.outputs(slot_index),
                                    answer = model_.answers->output_tensors(slot_index);
      for (std::size_t i = 0; i < answer.size(); ++i) {
        const auto offset = static_cast<std::byte*>(host[i].data) - host_memory_.slot_data(slot_index);
        std::memcpy(window.data() + offset, answer[i].data, answer[i].size_bytes());
      }
    }
    // Where the answers came late, copying out begins now.
    const double copy_out_us = slot.passage.copy_out_end_us - slot.passage.compute_end_us;
    const bool late = model_.answers && device().now_us() > slot.passage.copy_out_end_us;
    const double done_us = late ? device().now_us() + copy_out_us : slot.passage.copy_out_end_us;
    device().at(done_us, [this, slot_index] { depart(slot_index); });
  }

  void depart(int slot_index) {
    Slot& slot = slots_[slot_index];
    {
      const DeviceMemory::Window window(device_memory_, slot_index);
      const std::size_t offset = host_memory_.outputs_offset();
      const std::size_t bytes = host_memory_.slot_bytes() - offset;
      std::memcpy(source_of(slot_index) + offset, window.data() + offset, bytes);
      if (!staging_.empty()) stage(slot, host_memory_.slot_data(slot_index) + offset, source_of(slot_index) + offset, bytes);
    }
    Result<InferTiming> result = slot.answer;
    if (result.ok()) result = InferTiming{slot.passage.transfer_us() + slot.staging_us, slot.passage.infer_us()};
    // Moved out first: the slot may be submitted again as soon as the completion has run.
    const Completion completion = std::move(slot.completion);
    completion(std::move(result));
    const std::lock_guard lock(mutex_);
    --num_in_flight_;
    idle_.notify_all();
  }

  Reservation reservation_;
  SimulatedModel model_;
  SlotMemory host_memory_;
  DeviceMemory device_memory_;
  std::int64_t bytes_in_, bytes_out_;
  double compute_us_;
  std::vector<std::byte> staging_;  ///< of all slots; empty where they are pinned
  std::mutex mutex_;
  std::condition_variable idle_;
  int num_in_flight_ = 0;
  std::vector<Slot> slots_;
};

}  // namespace

Result<std::unique_ptr<ModelInstance>> create_simulated_instance(std::shared_ptr<SimulatedDevice> device,
                                                                 SimulatedModel model, int num_slots) {
  const MemoryKind kind = model.pinned_memory ? MemoryKind::kPinned : MemoryKind::kHost;
  SlotMemory host_memory(model.inputs, model.outputs, num_slots, kind);
  SMOL_ASSIGN_OR_RETURN(DeviceMemory device_memory,
                        DeviceMemory::allocate(host_memory.slot_bytes(), num_slots, device->description().protect_memory));
  const auto slot_bytes = static_cast<std::int64_t>(device_memory.size_bytes()) / num_slots;
  SMOL_ASSIGN_OR_RETURN(Placement placement, device->reserve(model.weight_bytes, slot_bytes, num_slots));
  return std::unique_ptr<ModelInstance>(
      std::make_unique<SimulatedInstance>(Reservation(std::move(device), std::move(placement)), std::move(model),
                                          std::move(host_memory), std::move(device_memory), num_slots));
}

}  // namespace smol
