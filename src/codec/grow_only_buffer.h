#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

namespace smol {

/// 64-byte aligned scratch memory that only ever grows, so that a warmed-up decoder allocates nothing.
class GrowOnlyBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;

  /// At least `size_bytes` bytes; contents are unspecified after growth. Throws std::bad_alloc.
  std::uint8_t* reserve(std::size_t size_bytes) {
    if (size_bytes > capacity_bytes_) {
      storage_.reset();
      capacity_bytes_ = 0;
      const std::size_t grown = (size_bytes + size_bytes / 4 + kAlignment - 1) / kAlignment * kAlignment;
      storage_.reset(static_cast<std::uint8_t*>(::operator new (grown, std::align_val_t{kAlignment})));
      capacity_bytes_ = grown;
    }
    return storage_.get();
  }
  [[nodiscard]] std::uint8_t* data() const { return storage_.get(); }

 private:
  struct Free {
    void operator()(std::uint8_t* memory) const { ::operator delete (memory, std::align_val_t{kAlignment}); }
  };
  std::unique_ptr<std::uint8_t, Free> storage_;
  std::size_t capacity_bytes_ = 0;
};

/// Bytes from one row to the next: aligned, with 64 readable bytes after the pixels as RowConsumer promises.
[[nodiscard]] constexpr std::ptrdiff_t padded_stride_bytes(std::size_t row_bytes) {
  constexpr std::size_t kPadding = 64;
  return static_cast<std::ptrdiff_t>((row_bytes + kPadding + GrowOnlyBuffer::kAlignment - 1) / GrowOnlyBuffer::kAlignment *
                                     GrowOnlyBuffer::kAlignment);
}

}  // namespace smol
