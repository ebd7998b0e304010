#include "backend/simulated/simulated_device.h"

#include <fmt/format.h>

#include "base/thread_budget.h"

namespace smol {

SimulatedDevice::SimulatedDevice(DeviceDescription description)
    : description_(std::move(description)), schedule_(description_), thread_([this] { work(); }) {}

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

Passage SimulatedDevice::admit(std::int64_t bytes_in, std::int64_t bytes_out, double compute_us) {
  const std::lock_guard lock(mutex_);
  return schedule_.admit(now_us(), bytes_in, bytes_out, compute_us);
}

void SimulatedDevice::at(double time_us, std::function<void()> step) {
  {
    const std::lock_guard lock(mutex_);
    events_.push({time_us, num_events_++, std::move(step)});
  }
  changed_.notify_all();
}

Status SimulatedDevice::reserve(std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::int64_t free_bytes = description_.memory_bytes - reserved_bytes_;
  if (bytes > free_bytes) {
    return Error{
        ErrorCode::kOutOfMemory,
        fmt::format(
            "the simulated device {} is too small; use a smaller batch or fewer slots: {} bytes wanted, {} of {} free",
            description_.name, bytes, free_bytes, description_.memory_bytes),
        Stage::kInfer};
  }
  reserved_bytes_ += bytes;
  return {};
}

void SimulatedDevice::release(std::int64_t bytes) {
  const std::lock_guard lock(mutex_);
  reserved_bytes_ -= bytes;
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
