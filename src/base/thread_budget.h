#pragma once
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

}  // namespace smol
