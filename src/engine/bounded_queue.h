#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

namespace smol {

/// A queue between threads. It carries a few thousand entries a second at most (batches, rows), so a mutex is enough.
/// Bounded in entries and, where pushes say what an entry weighs, in bytes; one entry always finds room. close() lets
/// consumers drain what is left. Thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity, std::size_t max_weight = std::numeric_limits<std::size_t>::max())
      : capacity_(capacity), max_weight_(max_weight) {}

  /// Waits for room. False when the queue is closed; the value is then dropped.
  bool push(T value, std::size_t weight = 0) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return closed_ || has_room_for(weight); });
    if (closed_) return false;
    add(std::move(value), weight);
    has_entry_.notify_one();
    return true;
  }

  /// Never waits, ignores the capacity: for completions, whose number the ring of slots bounds.
  void push_unbounded(T value) {
    // Told under the lock: once the entry is taken, the run may end and the queue be gone.
    std::scoped_lock lock(mutex_);
    add(std::move(value), 0);
    has_entry_.notify_one();
  }

  /// Waits for an entry; nullopt when closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    has_entry_.wait(lock, [&] { return closed_ || !entries_.empty(); });
    return take(std::move(lock));
  }

  /// Like pop(), but gives up after `limit`: nullopt then, or when closed and empty (drained() tells).
  std::optional<T> pop_for(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    has_entry_.wait_for(lock, limit, [&] { return closed_ || !entries_.empty(); });
    return take(std::move(lock));
  }
  [[nodiscard]] bool drained() {
    std::scoped_lock lock(mutex_);
    return closed_ && entries_.empty();
  }

  /// Most that was in it at once.
  [[nodiscard]] std::size_t peak_weight() const {
    std::scoped_lock lock(mutex_);
    return peak_weight_;
  }

  void close() {
    {
      std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    has_entry_.notify_all();
    has_room_.notify_all();
  }

 private:
  [[nodiscard]] bool has_room_for(std::size_t weight) const {
    return entries_.empty() || (entries_.size() < capacity_ && weight_ + weight <= max_weight_);
  }

  void add(T value, std::size_t weight) {
    entries_.emplace_back(std::move(value), weight);
    weight_ += weight;
    peak_weight_ = std::max(peak_weight_, weight_);
  }

  std::optional<T> take(std::unique_lock<std::mutex> lock) {
    if (entries_.empty()) return std::nullopt;
    std::optional<T> value(std::move(entries_.front().first));
    weight_ -= entries_.front().second;
    entries_.pop_front();
    lock.unlock();
    has_room_.notify_one();
    return value;
  }

  const std::size_t capacity_, max_weight_;
  mutable std::mutex mutex_;
  std::condition_variable has_entry_, has_room_;
  std::deque<std::pair<T, std::size_t>> entries_;
  std::size_t weight_ = 0, peak_weight_ = 0;
  bool closed_ = false;
};

}  // namespace smol
