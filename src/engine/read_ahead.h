#pragma once
#include <thread>
#include <vector>

#include "engine/run_state.h"

namespace smol {

/// Threads that read items before workers ask for them: for storage that answers late. How far they run ahead is bounded in
/// bytes and items. Items keep their tickets; their order among workers does not matter.
class ReadAhead {
 public:
  struct Entry {
    WorkUnit unit;
    Status status;  ///< of reading
    std::vector<std::uint8_t> bytes;
    float read_us = 0;
  };

  /// Starts reading.
  ReadAhead(RunState& run, int num_threads, std::int64_t max_bytes);
  /// Stops at once; the run has ended or was stopped.
  ~ReadAhead();

  /// The next that was read; nullopt when the source has ended or the run stops.
  std::optional<Entry> next() { return entries_.pop(); }
  [[nodiscard]] std::int64_t peak_bytes() const { return static_cast<std::int64_t>(entries_.peak_weight()); }

 private:
  void work();

  RunState& run_;
  BoundedQueue<Entry> entries_;
  std::atomic<int> reading_;
  std::stop_callback<std::function<void()>> on_stop_;
  std::vector<std::jthread> threads_;
};

/// Whether reading `item` yields bytes that are not there yet. Videos are read while they are decoded.
[[nodiscard]] inline bool must_be_read(const Item& item) {
  return !item.error && !item.picture && !item.bytes && !item.video;
}
/// The whole encoded picture; `microseconds` says how long it took.
Status read_whole(Source& source, const Item& item, std::vector<std::uint8_t>& bytes, float& microseconds);

}  // namespace smol
