#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "smol/result.h"

namespace smol {

/// Bytes that can be read at any offset: a file, an object. Thread-safe.
class RandomAccess {
 public:
  RandomAccess() = default;
  RandomAccess(const RandomAccess&) = delete;
  RandomAccess& operator=(const RandomAccess&) = delete;
  virtual ~RandomAccess() = default;

  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual std::int64_t size_bytes() const = 0;
  /// Of the content: size and modification time.
  [[nodiscard]] virtual std::string fingerprint() const = 0;
  /// Fills `bytes` from `offset` on and says how many there were: fewer only at the end. kIo, kTimeout; kIo as well when the
  /// file is no longer the one that was opened.
  [[nodiscard]] virtual Result<std::int64_t> read_at(std::int64_t offset, std::span<std::uint8_t> bytes) const = 0;
};

/// kNotFound, kIo; kIo for what is no regular file.
[[nodiscard]] Result<std::shared_ptr<const RandomAccess>> open_random_access(const std::string& path);

}  // namespace smol
