#pragma once
#include <cstdint>
#include <vector>

#include "backend/simulated/device_description.h"

namespace smol {

/// When one batch passes through the device, microseconds on the caller's clock.
struct Passage {
  double copy_in_begin_us = 0, copy_in_end_us = 0;
  double compute_begin_us = 0, compute_end_us = 0;
  double copy_out_end_us = 0;

  [[nodiscard]] double transfer_us() const { return copy_in_end_us - copy_in_begin_us + copy_out_end_us - compute_end_us; }
  [[nodiscard]] double infer_us() const { return compute_end_us - compute_begin_us; }
};

/// The device as a queueing model: an engine for copies in, one for computation, one for copies out, each serving in order
/// of arrival, and at most `streams` batches on the device. Computes times only; no clock inside. Not thread-safe.
class DeviceSchedule {
 public:
  explicit DeviceSchedule(const DeviceDescription& device);

  /// Admits a batch at `now_us`.
  Passage admit(double now_us, std::int64_t bytes_in, std::int64_t bytes_out, double compute_us);

 private:
  [[nodiscard]] double copy_us(std::int64_t bytes) const;
  [[nodiscard]] double next_jitter();

  double bytes_per_us_, latency_us_, launch_us_, jitter_fraction_;
  std::uint64_t jitter_state_;
  double copy_in_free_us_ = 0, compute_free_us_ = 0, copy_out_free_us_ = 0;
  std::vector<double> stream_free_us_;  ///< one a stream; the next batch takes the first that is free
};

}  // namespace smol
