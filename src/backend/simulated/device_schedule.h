#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "backend/simulated/device_description.h"

namespace smol {

/// When one batch passes through a device, microseconds on the caller's clock.
struct Passage {
  double copy_in_begin_us = 0, copy_in_end_us = 0;
  double compute_begin_us = 0, compute_end_us = 0;
  double copy_out_end_us = 0;

  [[nodiscard]] double transfer_us() const { return copy_in_end_us - copy_in_begin_us + copy_out_end_us - compute_end_us; }
  [[nodiscard]] double infer_us() const { return compute_end_us - compute_begin_us; }
};

/// The devices as a queueing model: each has an engine for copies in, one for computation, one for copies out, serving in
/// order of arrival, and at most `streams` batches on it; a shared link has one engine for copies in and one for copies out,
/// which serve all devices. Computes times only; no clock inside. Not thread-safe.
class DeviceSchedule {
 public:
  explicit DeviceSchedule(const DeviceDescription& description);

  /// Admits a batch to one of the devices at `now_us`, which never goes back.
  Passage admit(double now_us, std::int64_t bytes_in, std::int64_t bytes_out, double compute_us, int device = 0);

 private:
  /// An engine that copies one batch at a time. Batches of a slower device leave gaps, which those of others may fill.
  class CopyEngine {
   public:
    /// Takes the first `copy_us` that are free from `ready_us` on; returns their begin.
    double take(double now_us, double ready_us, double copy_us);

   private:
    std::vector<std::pair<double, double>> taken_us_;  ///< begin and end, sorted, apart
  };
  struct Device {
    double compute_free_us = 0;
    std::vector<double> stream_free_us;  ///< one a stream; the next batch takes the first that is free
  };

  [[nodiscard]] double copy_us(std::int64_t bytes) const;
  [[nodiscard]] double next_jitter();

  double bytes_per_us_, latency_us_, launch_us_, jitter_fraction_;
  std::uint64_t jitter_state_;
  std::vector<Device> devices_;
  std::vector<CopyEngine> copies_in_, copies_out_;  ///< one, or one a device
};

}  // namespace smol
