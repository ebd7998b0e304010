#pragma once
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace smol {

/// A queue between threads. It carries a few thousand entries a second at most (batches, rows), so a mutex is enough.
/// close() lets consumers drain what is left. Thread-safe.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {}

  /// Waits for room. False when the queue is closed; the value is then dropped.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return closed_ || entries_.size() < capacity_; });
    if (closed_) return false;
    entries_.push_back(std::move(value));
    lock.unlock();
    has_entry_.notify_one();
    return true;
  }

  /// Never waits, ignores the capacity: for completions, whose number the ring of slots bounds.
  void push_unbounded(T value) {
    {
      std::scoped_lock lock(mutex_);
      entries_.push_back(std::move(value));
    }
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

  void close() {
    {
      std::scoped_lock lock(mutex_);
      closed_ = true;
    }
    has_entry_.notify_all();
    has_room_.notify_all();
  }

 private:
  std::optional<T> take(std::unique_lock<std::mutex> lock) {
    if (entries_.empty()) return std::nullopt;
    std::optional<T> value(std::move(entries_.front()));
    entries_.pop_front();
    lock.unlock();
    has_room_.notify_one();
    return value;
  }

  const std::size_t capacity_;
  std::mutex mutex_;
  std::condition_variable has_entry_, has_room_;
  std::deque<T> entries_;
  bool closed_ = false;
};

}  // namespace smol
