#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace smol {

/// A few named threads that run slots in order of submission. post() may be called from any thread and never waits for a
/// run.
class StreamThreads {
 public:
  /// `run` is called with the posted slot; at most `num_slots` may be posted and unfinished at once.
  StreamThreads(const std::string& name, int num_threads, int num_slots, std::function<void(int slot)> run);
  /// Runs what has been posted, then joins.
  ~StreamThreads();
  StreamThreads(const StreamThreads&) = delete;
  StreamThreads& operator=(const StreamThreads&) = delete;

  void post(int slot);

 private:
  void work(const std::string& name);

  const std::function<void(int slot)> run_;
  std::mutex mutex_;
  std::condition_variable posted_;
  std::vector<int> ring_;  ///< slots waiting, oldest at first_; allocated once
  std::size_t first_ = 0, count_ = 0;
  bool closing_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace smol
