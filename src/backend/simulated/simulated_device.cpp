#include "backend/simulated/simulated_device.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "base/thread_budget.h"

namespace smol {

SimulatedDevice::SimulatedDevice(DeviceDescription description)
    : description_(std::move(description)),
      schedule_(description_),
      reserved_bytes_(description_.devices),
      thread_([this] { work(); }) {}

SimulatedDevice::~SimulatedDevice() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
}

double SimulatedDevice::now_us() const {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start_).count();
}

Passage SimulatedDevice::admit(int device, std::int64_t bytes_in, std::int64_t bytes_out, double compute_us) {
  const std::lock_guard lock(mutex_);
  return schedule_.admit(now_us(), bytes_in, bytes_out, compute_us, device);
}

void SimulatedDevice::at(double time_us, std::function<void()> step) {
  {
    const std::lock_guard lock(mutex_);
    events_.push({time_us, num_events_++, std::move(step)});
  }
  changed_.notify_all();
}

Result<Placement> SimulatedDevice::reserve(std::int64_t weight_bytes, std::int64_t slot_bytes, int num_slots) {
  const std::lock_guard lock(mutex_);
  std::vector<int> emptiest_first(reserved_bytes_.size());
  std::iota(emptiest_first.begin(), emptiest_first.end(), 0);
  std::stable_sort(emptiest_first.begin(), emptiest_first.end(),
                   [this](int a, int b) { return reserved_bytes_[a] < reserved_bytes_[b]; });
  Placement placement{{}, std::vector<std::int64_t>(reserved_bytes_.size())};
  for (int slot = 0; slot < num_slots; ++slot) {
    const int device = emptiest_first[slot % emptiest_first.size()];
    placement.device_of_slot.push_back(device);
    placement.bytes[device] += slot_bytes + (placement.bytes[device] == 0 ? weight_bytes : 0);
  }
  for (std::size_t device = 0; device < reserved_bytes_.size(); ++device) {
    const std::int64_t free_bytes = description_.memory_bytes - reserved_bytes_[device];
    if (placement.bytes[device] <= free_bytes) continue;
    return Error{
        ErrorCode::kOutOfMemory,
        fmt::format(
            "the simulated device {} is too small; use a smaller batch or fewer slots: {} bytes wanted, {} of {} free",
            description_.name, placement.bytes[device], free_bytes, description_.memory_bytes),
        Stage::kInfer};
  }
  for (std::size_t device = 0; device < reserved_bytes_.size(); ++device) reserved_bytes_[device] += placement.bytes[device];
  return placement;
}

void SimulatedDevice::release(const Placement& placement) {
  const std::lock_guard lock(mutex_);
  for (std::size_t device = 0; device < reserved_bytes_.size(); ++device) reserved_bytes_[device] -= placement.bytes[device];
}

void SimulatedDevice::work() {
  name_this_thread("sim-device");
  std::unique_lock lock(mutex_);
  for (;;) {
    if (events_.empty()) {
      if (closing_) return;
      changed_.wait(lock);
      continue;
    }
    const auto due = start_ + std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                  std::chrono::duration<double, std::micro>(events_.top().time_us));
    if (std::chrono::steady_clock::now() < due) {
      changed_.wait_until(lock, due);  // absolute: lateness does not add up
      continue;
    }
    const std::function<void()> step = events_.top().step;
    events_.pop();
    lock.unlock();
    step();
    lock.lock();
  }
}

}  // namespace smol
