#include "backend/simulated/device_schedule.h"

#include <algorithm>

namespace smol {

DeviceSchedule::DeviceSchedule(const DeviceDescription& description)
    : bytes_per_us_(description.transfer_bytes_per_s / 1e6),
      latency_us_(description.transfer_latency_us),
      launch_us_(description.launch_us),
      jitter_fraction_(description.jitter_fraction),
      jitter_state_(description.jitter_seed * 2 + 1),  // never 0, where xorshift would stay
      devices_(description.devices, Device{0, std::vector<double>(description.streams, 0.0)}),
      copies_in_(description.shared_transfer ? 1 : description.devices),
      copies_out_(copies_in_.size()) {}

Passage DeviceSchedule::admit(double now_us, std::int64_t bytes_in, std::int64_t bytes_out, double compute_us, int device) {
  Device& chosen = devices_.at(device);
  const std::size_t link = copies_in_.size() == 1 ? 0 : device;
  double& stream_free_us = *std::min_element(chosen.stream_free_us.begin(), chosen.stream_free_us.end());
  Passage passage;
  const double copy_in_us = copy_us(bytes_in), copy_out_us = copy_us(bytes_out);
  passage.copy_in_begin_us = copies_in_[link].take(now_us, std::max(now_us, stream_free_us), copy_in_us);
  passage.copy_in_end_us = passage.copy_in_begin_us + copy_in_us;
  passage.compute_begin_us = std::max(passage.copy_in_end_us + launch_us_, chosen.compute_free_us);
  passage.compute_end_us = chosen.compute_free_us = passage.compute_begin_us + compute_us * next_jitter();
  const double copy_out_begin_us = copies_out_[link].take(now_us, passage.compute_end_us, copy_out_us);
  passage.copy_out_end_us = stream_free_us = copy_out_begin_us + copy_out_us;
  return passage;
}

double DeviceSchedule::CopyEngine::take(double now_us, double ready_us, double copy_us) {
  std::erase_if(taken_us_, [now_us](const auto& span) { return span.second <= now_us; });
  double begin_us = ready_us;
  auto next = taken_us_.begin();
  for (; next != taken_us_.end() && next->first < begin_us + copy_us; ++next) begin_us = std::max(begin_us, next->second);
  taken_us_.insert(next, {begin_us, begin_us + copy_us});
  return begin_us;
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
