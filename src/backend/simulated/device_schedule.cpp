#include "backend/simulated/device_schedule.h"

#include <algorithm>

namespace smol {

DeviceSchedule::DeviceSchedule(const DeviceDescription& device)
    : bytes_per_us_(device.transfer_bytes_per_s / 1e6),
      latency_us_(device.transfer_latency_us),
      launch_us_(device.launch_us),
      jitter_fraction_(device.jitter_fraction),
      jitter_state_(device.jitter_seed * 2 + 1),  // never 0, where xorshift would stay
      stream_free_us_(device.streams, 0.0) {}

Passage DeviceSchedule::admit(double now_us, std::int64_t bytes_in, std::int64_t bytes_out, double compute_us) {
  double& stream_free_us = *std::min_element(stream_free_us_.begin(), stream_free_us_.end());
  Passage passage;
  passage.copy_in_begin_us = std::max({now_us, copy_in_free_us_, stream_free_us});
  passage.copy_in_end_us = copy_in_free_us_ = passage.copy_in_begin_us + copy_us(bytes_in);
  passage.compute_begin_us = std::max(passage.copy_in_end_us + launch_us_, compute_free_us_);
  passage.compute_end_us = compute_free_us_ = passage.compute_begin_us + compute_us * next_jitter();
  const double copy_out_begin_us = std::max(passage.compute_end_us, copy_out_free_us_);
  passage.copy_out_end_us = copy_out_free_us_ = stream_free_us = copy_out_begin_us + copy_us(bytes_out);
  return passage;
}

double DeviceSchedule::copy_us(std::int64_t bytes) const { return latency_us_ + static_cast<double>(bytes) / bytes_per_us_; }

double DeviceSchedule::next_jitter() {
  // xorshift64*: the same sequence on every machine.
  jitter_state_ ^= jitter_state_ >> 12;
  jitter_state_ ^= jitter_state_ << 25;
  jitter_state_ ^= jitter_state_ >> 27;
  const double uniform = static_cast<double>((jitter_state_ * 0x2545F4914F6CDD1DULL) >> 11) * 0x1p-53;
  return 1.0 + jitter_fraction_ * (2.0 * uniform - 1.0);
}

}  // namespace smol
