#include "brightness_backend.h"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <fstream>
#include <mutex>
#include <numeric>
#include <thread>

namespace foreign {
namespace {

struct BrightnessModel {
  int side = 0, microseconds = 0;
};

/// One thread that takes batches in turn: completions come from there, never from submit().
class BrightnessInstance final : public smol::ModelInstance {
 public:
  BrightnessInstance(const BrightnessModel& model, int batch, int num_slots)
      : model_(model),
        batch_(batch),
        inputs_{{"input", smol::DType::kU8, {batch, model.side, model.side, 3}}},
        outputs_{{"output", smol::DType::kF32, {batch, 2}}},
        slots_(num_slots) {
    for (Slot& slot : slots_) {
      slot.input.resize(picture_bytes() * batch);
      slot.output.resize(static_cast<std::size_t>(batch) * 2);
    }
    thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
  }

  [[nodiscard]] const std::vector<smol::TensorSpec>& inputs() const override { return inputs_; }
  [[nodiscard]] const std::vector<smol::TensorSpec>& outputs() const override { return outputs_; }
  [[nodiscard]] int batch() const override { return batch_; }
  [[nodiscard]] std::string_view max_batch_reason() const override { return {}; }
  [[nodiscard]] int num_slots() const override { return static_cast<int>(slots_.size()); }
  [[nodiscard]] std::vector<smol::TensorView> input_tensors(int slot) override {
    return {{slots_[slot].input.data(), smol::DType::kU8, inputs_[0].shape}};
  }
  [[nodiscard]] std::vector<smol::TensorView> output_tensors(int slot) override {
    return {{slots_[slot].output.data(), smol::DType::kF32, outputs_[0].shape}};
  }

  void submit(int slot, int num_valid, smol::Completion completion) override {
    const std::scoped_lock lock(mutex_);
    waiting_.push_back({slot, num_valid, std::move(completion)});
    changed_.notify_one();
  }

 private:
  struct Slot {
    std::vector<std::uint8_t> input;
    std::vector<float> output;
  };
  struct Job {
    int slot, num_valid;
    smol::Completion completion;
  };

  [[nodiscard]] std::size_t picture_bytes() const { return static_cast<std::size_t>(model_.side) * model_.side * 3; }

  // Ends when it is asked to and nothing is waiting: every submit gets its completion.
  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !waiting_.empty(); })) {
      Job job = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      infer(slots_[job.slot], job.num_valid);
      job.completion(smol::InferTiming{});
      lock.lock();
    }
  }

  void infer(Slot& slot, int num_valid) const {
    std::this_thread::sleep_for(std::chrono::microseconds(model_.microseconds) * num_valid);
    for (int picture = 0; picture < num_valid; ++picture) {
      const auto begin = slot.input.begin() + static_cast<std::ptrdiff_t>(picture_bytes()) * picture;
      const auto sum = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(picture_bytes()), std::int64_t{0});
      const float brightness = static_cast<float>(sum) / static_cast<float>(picture_bytes()) / 255.0F;
      slot.output[2 * picture] = 1.0F - brightness;
      slot.output[2 * picture + 1] = brightness;
    }
  }

  const BrightnessModel model_;
  const int batch_;
  const std::vector<smol::TensorSpec> inputs_, outputs_;
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Job> waiting_;
  std::jthread thread_;  // last: it stops before what it uses goes
};

class BrightnessBackend final : public smol::Backend {
 public:
  BrightnessBackend() { capabilities_.model_extensions = {".brightness"}; }
  [[nodiscard]] std::string_view name() const override { return "brightness"; }
  [[nodiscard]] std::string description() const override { return "dark or bright, an example"; }
  [[nodiscard]] const smol::BackendCapabilities& capabilities() const override { return capabilities_; }

  [[nodiscard]] smol::Result<std::pair<std::vector<smol::TensorSpec>, std::vector<smol::TensorSpec>>> describe(
      const std::string& model_path) const override {
    SMOL_ASSIGN_OR_RETURN(const BrightnessModel model, read_model(model_path));
    return std::pair{std::vector<smol::TensorSpec>{{"input", smol::DType::kU8, {-1, model.side, model.side, 3}}},
                     std::vector<smol::TensorSpec>{{"output", smol::DType::kF32, {-1, 2}}}};
  }

  [[nodiscard]] smol::Result<std::unique_ptr<smol::ModelInstance>> compile(const smol::CompileOptions& options,
                                                                           int num_slots) const override {
    SMOL_ASSIGN_OR_RETURN(const BrightnessModel model, read_model(options.model_path));
    return std::unique_ptr<smol::ModelInstance>(std::make_unique<BrightnessInstance>(model, options.batch, num_slots));
  }

 private:
  static smol::Result<BrightnessModel> read_model(const std::string& path) {
    BrightnessModel model;
    if (std::ifstream(path) >> model.side >> model.microseconds && model.side > 0 && model.microseconds >= 0) return model;
    return smol::Error{smol::ErrorCode::kInvalidArgument,
                       "a brightness model holds the side of its input and microseconds: " + path};
  }

  smol::BackendCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const smol::Backend> create_brightness_backend() { return std::make_unique<const BrightnessBackend>(); }

}  // namespace foreign
