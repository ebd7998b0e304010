#include "engine/memory_budget.h"

#include <fmt/format.h>
#include <unistd.h>

namespace smol {

std::int64_t memory_limit(const RunOptions& options) {
  if (options.memory_bytes > 0) return options.memory_bytes;
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 4;
}

std::int64_t decoding_bytes(const ImageHeader& header, const CodecCapabilities& codec, bool collects_whole) {
  constexpr std::int64_t kRows = 64;             // in the decoder and in the rings of the resize
  constexpr std::int64_t kCoefficientBytes = 2;  // progressive pictures are kept as such
  const std::int64_t row_bytes = std::int64_t{header.width} * 4;
  const std::int64_t pixels = std::int64_t{header.width} * header.height;
  std::int64_t bytes = kRows * row_bytes;
  if (header.progressive || !codec.streams_rows) {
    bytes += pixels * (header.channels + (header.alpha ? 1 : 0)) *
             (header.bits > 8 || header.progressive ? kCoefficientBytes : 1);
  }
  // Two pictures, from one step to the next.
  if (collects_whole) bytes += 2 * pixels * 3;
  return bytes;
}

MemoryBudget::MemoryBudget(std::int64_t limit, std::int64_t bytes, int num_workers)
    : limit_bytes_(limit),
      share_bytes_(bytes / (2 * std::max(num_workers, 1))),
      pool_bytes_(bytes - share_bytes_ * std::max(num_workers, 1)),
      pool_free_bytes_(pool_bytes_) {}

std::int64_t MemoryBudget::peak_bytes() const {
  const std::scoped_lock lock(mutex_);
  return peak_bytes_;
}

void MemoryBudget::exchange(std::int64_t old_bytes, std::int64_t bytes) {
  pool_free_bytes_ += pooled(old_bytes) - pooled(bytes);
  held_bytes_ += bytes - old_bytes;
  peak_bytes_ = std::max(peak_bytes_, held_bytes_);
}

Status MemoryBudget::take(std::int64_t bytes, const std::stop_token& stop) {
  const std::int64_t most = share_bytes_ + pool_bytes_;
  if (bytes > most) {
    return Error{
        ErrorCode::kOutOfMemory,
        fmt::format("a picture needs more memory than --memory leaves for one; raise it: {} bytes needed, {} left of {}",
                    bytes, most, limit_bytes_),
        Stage::kDecode};
  }
  std::unique_lock lock(mutex_);
  if (!changed_.wait(lock, stop, [&] { return fits(0, bytes); })) {
    return Error{ErrorCode::kCancelled, "stopped while waiting for memory", Stage::kQueue};
  }
  exchange(0, bytes);
  return {};
}

bool MemoryBudget::try_exchange(std::int64_t old_bytes, std::int64_t bytes) {
  const std::scoped_lock lock(mutex_);
  if (!fits(old_bytes, bytes)) return false;
  exchange(old_bytes, bytes);
  return true;
}

void MemoryBudget::give_back(std::int64_t bytes) {
  {
    const std::scoped_lock lock(mutex_);
    exchange(bytes, 0);
  }
  if (bytes > share_bytes_) changed_.notify_all();
}

}  // namespace smol
