#include "codec/isolated/shared_memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

namespace smol {
namespace {

constexpr std::size_t kGranularityBytes = 1 << 16;

Error failure(ErrorCode code, const std::string& what) { return Error{code, what + ": " + strerror(errno), Stage::kDecode}; }

}  // namespace

SharedMemory::~SharedMemory() {
  if (data_ != nullptr) munmap(data_, mapped_bytes_);
  if (owned_) close(descriptor_);
}

Status SharedMemory::create(const char* name) {
  descriptor_ = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (descriptor_ < 0) return failure(ErrorCode::kIo, "cannot make memory to share with a decoder process");
  owned_ = true;
  // Else the other process could cut the memory off under ours, and reading it would kill us.
  if (fcntl(descriptor_, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    return failure(ErrorCode::kIo, "cannot seal the memory that a decoder process shares");
  }
  return {};
}

Status SharedMemory::map_again(std::size_t size_bytes) {
  if (data_ != nullptr) munmap(data_, mapped_bytes_);
  data_ = nullptr;
  mapped_bytes_ = 0;
  void* const mapped = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor_, 0);
  if (mapped == MAP_FAILED) return failure(ErrorCode::kOutOfMemory, "no memory to share with a decoder process");
  data_ = static_cast<std::uint8_t*>(mapped);
  mapped_bytes_ = size_bytes;
  return {};
}

Status SharedMemory::reserve(std::size_t size_bytes) {
  touched_bytes_ = std::max(touched_bytes_, size_bytes);
  if (size_bytes <= mapped_bytes_) return {};
  const std::size_t grown = (size_bytes + size_bytes / 4) / kGranularityBytes * kGranularityBytes + kGranularityBytes;
  struct stat state {};
  // The other side may have made it larger.
  if (fstat(descriptor_, &state) != 0 ||
      (static_cast<std::size_t>(state.st_size) < grown && ftruncate(descriptor_, static_cast<off_t>(grown)) != 0)) {
    return failure(ErrorCode::kOutOfMemory, "no memory to share with a decoder process");
  }
  return map_again(grown);
}

Status SharedMemory::map(std::size_t size_bytes) {
  if (size_bytes <= mapped_bytes_) return {};
  struct stat state {};
  if (fstat(descriptor_, &state) != 0 || static_cast<std::size_t>(state.st_size) < size_bytes) {
    return Error{ErrorCode::kInternal, "shared memory is smaller than announced", Stage::kDecode};
  }
  return map_again(static_cast<std::size_t>(state.st_size));
}

void SharedMemory::release_beyond(std::size_t keep_bytes) {
  if (touched_bytes_ <= keep_bytes) return;
  const std::size_t from = keep_bytes / kGranularityBytes * kGranularityBytes;
  if (fallocate(descriptor_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from),
                static_cast<off_t>(mapped_bytes_ - from)) == 0) {
    touched_bytes_ = keep_bytes;
  }
}

}  // namespace smol
