#include "base/thread_budget.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <utility>

namespace smol {
namespace {

// Cores granted by the cgroup: quota / period of v2 (cpu.max) or v1; 0 when unlimited or unknown.
double cgroup_quota_cores() {
  if (std::ifstream v2("/sys/fs/cgroup/cpu.max"); v2) {
    std::string quota;
    double period = 0;
    if (v2 >> quota >> period && quota != "max" && period > 0) return std::stod(quota) / period;
    return 0;
  }
  double quota = 0, period = 0;
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota_file >> quota && period_file >> period && quota > 0 && period > 0) return quota / period;
  return 0;
}

// The kernel's struct of sched_getattr(2), which glibc 2.36 has no wrapper for.
struct SchedulingAttributes {
  std::uint32_t size, policy;
  std::uint64_t flags;
  std::int32_t nice;
  std::uint32_t priority;
  std::uint64_t runtime_ns, deadline_ns, period_ns;
};

bool read_attributes(SchedulingAttributes& attributes) {
  attributes = {};
  return syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) == 0;
}

bool write_attributes(SchedulingAttributes& attributes) {
  attributes.size = sizeof(attributes);
  return syscall(SYS_sched_setattr, 0, &attributes, 0) == 0;
}

}  // namespace

LongTimeSlices::LongTimeSlices() {
  constexpr std::uint64_t kSliceNs = 20'000'000;
  SchedulingAttributes attributes;
  // Before Linux 6.12 the slice of an ordinary thread reads as 0.
  if (!read_attributes(attributes) || attributes.policy != SCHED_OTHER || attributes.runtime_ns == 0) return;
  const std::uint64_t old_slice_ns = std::exchange(attributes.runtime_ns, kSliceNs);
  if (write_attributes(attributes)) old_slice_ns_ = old_slice_ns;
}

LongTimeSlices::~LongTimeSlices() {
  SchedulingAttributes attributes;
  if (old_slice_ns_ == 0 || !read_attributes(attributes)) return;
  attributes.runtime_ns = old_slice_ns_;
  write_attributes(attributes);
}

int available_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  int cores = 1;
  if (sched_getaffinity(0, sizeof(mask), &mask) == 0) cores = CPU_COUNT(&mask);
  if (const double quota = cgroup_quota_cores(); quota > 0) cores = std::min(cores, static_cast<int>(std::ceil(quota)));
  return std::max(cores, 1);
}

std::string machine_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line, model = "unknown processor";
  while (std::getline(file, line)) {
    if (line.rfind("model name", 0) == 0) {
      model = line.substr(line.find(':') + 2);
      break;
    }
  }
  std::ostringstream text;
  text << model << ", " << available_cores() << (available_cores() == 1 ? " core" : " cores");
  return text.str();
}

void name_this_thread(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

void pin_this_thread(int index) {
  cpu_set_t mask, one;
  CPU_ZERO(&mask);
  CPU_ZERO(&one);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0 || CPU_COUNT(&mask) == 0) return;
  int wanted = index % CPU_COUNT(&mask);
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &mask) && wanted-- == 0) {
      CPU_SET(core, &one);
      pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
      return;
    }
  }
}

}  // namespace smol
