#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <queue>
#include <thread>
#include <vector>

#include "backend/simulated/device_description.h"
#include "backend/simulated/device_schedule.h"

namespace smol {

/// One simulated device, shared by the instances that are compiled for it: they compete for its memory, its copy engines and
/// its computation. Steps run at their time on the device's one thread, which sleeps in between. Thread-safe.
class SimulatedDevice {
 public:
  explicit SimulatedDevice(DeviceDescription description);
  /// All instances are gone by then: nothing is waiting.
  ~SimulatedDevice();

  [[nodiscard]] const DeviceDescription& description() const { return description_; }
  [[nodiscard]] double now_us() const;
  Passage admit(std::int64_t bytes_in, std::int64_t bytes_out, double compute_us);
  /// Runs `step` on the device's thread at `time_us` or, when that has passed, at once. Equal times: in order of the calls.
  void at(double time_us, std::function<void()> step);

  /// kOutOfMemory naming what is free, what is wanted and the device.
  Status reserve(std::int64_t bytes);
  void release(std::int64_t bytes);

 private:
  struct Event {
    double time_us;
    std::uint64_t number;
    std::function<void()> step;
    /// For a queue with the earliest in front.
    friend bool operator<(const Event& a, const Event& b) {
      return a.time_us != b.time_us ? a.time_us > b.time_us : a.number > b.number;
    }
  };

  void work();

  const DeviceDescription description_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_;
  std::condition_variable changed_;
  DeviceSchedule schedule_;
  std::priority_queue<Event> events_;
  std::uint64_t num_events_ = 0;
  std::int64_t reserved_bytes_ = 0;
  bool closing_ = false;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace smol
