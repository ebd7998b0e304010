#pragma once
#include <cstdint>
#include <string>

namespace smol {

/// Cores this process may use: the affinity mask, reduced by the cgroup CPU quota; at least 1.
[[nodiscard]] int available_cores();
/// "AMD EPYC ..., 2 cores": from /proc/cpuinfo.
[[nodiscard]] std::string machine_name();
/// Names the calling thread (at most 15 bytes are kept) so that profilers and `top -H` show what it does.
void name_this_thread(const std::string& name);
/// Restricts the calling thread to one core of the process's affinity mask, counted modulo its size.
void pin_this_thread(int index);

/// While it lives, the kernel gives the calling thread, and for good those that it starts, 20 ms at a time where it would
/// give 1.4 to 4 ms. For threads that compute and outnumber the cores: each switch between decoding and inference finds the
/// caches full of the other's data. Others are not kept waiting: a thread with shorter slices goes first when it wakes.
/// Linux 6.12; no effect before, or where it is not allowed.
class LongTimeSlices {
 public:
  LongTimeSlices();
  ~LongTimeSlices();
  LongTimeSlices(const LongTimeSlices&) = delete;
  LongTimeSlices& operator=(const LongTimeSlices&) = delete;

 private:
  std::uint64_t old_slice_ns_ = 0;  ///< 0: nothing was changed
};

}  // namespace smol
