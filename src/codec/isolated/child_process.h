#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "smol/result.h"

namespace smol {

/// Sanitizers reserve terabytes of address space, and they report to standard error.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// The decoder program as a child of this process. Not thread-safe.
class ChildProcess {
 public:
  ChildProcess() = default;
  ~ChildProcess() { kill_and_reap(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Runs `program` with its end of a socket as descriptor 3 and `shared` as 4, 5, ...; it gets no others, /dev/null for its
  /// standard streams, and a process group of its own, so that Ctrl-C in a terminal reaches this process alone. kNotFound.
  Status start(const std::string& program, const std::vector<std::string>& arguments, const std::vector<int>& shared);
  [[nodiscard]] bool is_running() const { return pid_ > 0; }
  /// Our end; -1 where none runs.
  [[nodiscard]] int socket() const { return socket_; }

  /// For a child that has closed its end: waits for its end and says how it came to it ("SIGSEGV", "exit status 3").
  std::string reap();
  void kill_and_reap();

 private:
  void forget();

  pid_t pid_ = -1;
  int handle_ = -1;  ///< of the process: other than its id it is never reused
  int socket_ = -1;
};

}  // namespace smol
