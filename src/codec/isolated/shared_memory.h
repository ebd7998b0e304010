#pragma once

#include <cstddef>
#include <cstdint>

#include "smol/result.h"

namespace smol {

/// Memory that two processes see, named by a file descriptor. It grows and never shrinks: a process cannot take away what
/// the other has mapped.
class SharedMemory {
 public:
  SharedMemory() = default;
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  /// The side that owns it. kIo.
  Status create(const char* name);
  /// The other side, which was given the descriptor and keeps it open.
  void attach(int descriptor) { descriptor_ = descriptor; }

  /// Owner: at least `size_bytes` are there and mapped. kOutOfMemory.
  Status reserve(std::size_t size_bytes);
  /// Other side: maps at least `size_bytes`, which the owner has reserved. kOutOfMemory.
  Status map(std::size_t size_bytes);
  /// Gives memory back that a large picture took; contents beyond `keep_bytes` are lost.
  void release_beyond(std::size_t keep_bytes);

  [[nodiscard]] std::uint8_t* data() const { return data_; }
  [[nodiscard]] std::size_t size_bytes() const { return mapped_bytes_; }
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  Status map_again(std::size_t size_bytes);

  int descriptor_ = -1;
  bool owned_ = false;
  std::uint8_t* data_ = nullptr;
  std::size_t mapped_bytes_ = 0, touched_bytes_ = 0;
};

}  // namespace smol
