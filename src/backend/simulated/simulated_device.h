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

/// Where an instance's slots are.
struct Placement {
  std::vector<int> device_of_slot;
  std::vector<std::int64_t> bytes;  ///< reserved, by device
};

/// The simulated devices of one description, shared by the instances that are compiled for it: they compete for memory, copy
/// engines and computation. Steps run at their time on one thread, which sleeps in between. Thread-safe.
class SimulatedDevice {
 public:
  explicit SimulatedDevice(DeviceDescription description);
  /// All instances are gone by then: nothing is waiting.
  ~SimulatedDevice();

  [[nodiscard]] const DeviceDescription& description() const { return description_; }
  [[nodiscard]] double now_us() const;
  Passage admit(int device, std::int64_t bytes_in, std::int64_t bytes_out, double compute_us);
  /// Runs `step` on the thread at `time_us` or, when that has passed, at once. Equal times: in order of the calls.
  void at(double time_us, std::function<void()> step);

  /// Spreads slots over the devices, the emptiest first; each that has slots holds the weights, too. kOutOfMemory naming
  /// what is free, what is wanted and the device; nothing is reserved then.
  [[nodiscard]] Result<Placement> reserve(std::int64_t weight_bytes, std::int64_t slot_bytes, int num_slots);
  void release(const Placement& placement);

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
  std::vector<std::int64_t> reserved_bytes_;  ///< by device
  bool closing_ = false;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace smol
