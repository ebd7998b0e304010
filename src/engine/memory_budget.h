#pragma once
#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include "smol/session.h"

namespace smol {

/// RunOptions::memory_bytes, or its default.
[[nodiscard]] std::int64_t memory_limit(const RunOptions& options);

/// About how many bytes a picture takes while it is decoded by `codec` for plans of which one collects it whole or not.
[[nodiscard]] std::int64_t decoding_bytes(const ImageHeader& header, const CodecCapabilities& codec, bool collects_whole);

/// Bytes for the pictures that are being decoded. Half of them belongs to the workers in equal shares, which they may keep
/// from picture to picture; the other half is a pool for what is larger. Thread-safe.
class MemoryBudget {
 public:
  /// `limit`: the whole memory budget, for messages; `bytes` of it are for pictures.
  MemoryBudget(std::int64_t limit, std::int64_t bytes, int num_workers);

  [[nodiscard]] std::int64_t share_bytes() const { return share_bytes_; }
  /// Most that was held at once.
  [[nodiscard]] std::int64_t peak_bytes() const;

  /// Waits for `bytes`. kOutOfMemory when there never are so many, kCancelled.
  Status take(std::int64_t bytes, const std::stop_token& stop);
  /// Takes `bytes` for `old_bytes` if that is possible at once.
  [[nodiscard]] bool try_exchange(std::int64_t old_bytes, std::int64_t bytes);
  void give_back(std::int64_t bytes);

 private:
  // All need the lock.
  [[nodiscard]] std::int64_t pooled(std::int64_t bytes) const { return std::max<std::int64_t>(bytes - share_bytes_, 0); }
  [[nodiscard]] bool fits(std::int64_t old_bytes, std::int64_t bytes) const {
    return pooled(bytes) - pooled(old_bytes) <= pool_free_bytes_;
  }
  void exchange(std::int64_t old_bytes, std::int64_t bytes);

  const std::int64_t limit_bytes_, share_bytes_, pool_bytes_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::int64_t pool_free_bytes_, held_bytes_ = 0, peak_bytes_ = 0;
};

/// What one worker holds of the budget for its picture. It never waits while holding, so that all get on.
class MemoryGrant {
 public:
  explicit MemoryGrant(MemoryBudget& budget) : budget_(budget) {}
  ~MemoryGrant() { release(); }
  MemoryGrant(const MemoryGrant&) = delete;
  MemoryGrant& operator=(const MemoryGrant&) = delete;

  /// Holds `bytes` instead of what was held before if that is possible at once.
  [[nodiscard]] bool try_hold(std::int64_t bytes) {
    if (!budget_.try_exchange(bytes_, bytes)) return false;
    bytes_ = bytes;
    return true;
  }
  /// Gives back, then waits for `bytes`.
  Status hold(std::int64_t bytes, const std::stop_token& stop) {
    release();
    SMOL_RETURN_IF_ERROR(budget_.take(bytes, stop));
    bytes_ = bytes;
    return {};
  }
  void release() {
    if (bytes_ > 0) budget_.give_back(bytes_);
    bytes_ = 0;
  }
  /// Whether more is held than a worker may keep.
  [[nodiscard]] bool exceeds_share() const { return bytes_ > budget_.share_bytes(); }
  [[nodiscard]] std::int64_t bytes() const { return bytes_; }

 private:
  MemoryBudget& budget_;
  std::int64_t bytes_ = 0;
};

}  // namespace smol
