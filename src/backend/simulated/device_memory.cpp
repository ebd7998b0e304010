#include "backend/simulated/device_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <utility>

namespace smol {

Result<DeviceMemory> DeviceMemory::allocate(std::size_t region_bytes, int num_regions, bool protect) {
  const auto page_bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  DeviceMemory memory;
  memory.stride_bytes_ = (region_bytes + page_bytes - 1) / page_bytes * page_bytes;
  memory.size_bytes_ = memory.stride_bytes_ * static_cast<std::size_t>(num_regions);
  memory.protect_ = protect;
  void* base =
      mmap(nullptr, memory.size_bytes_, protect ? PROT_NONE : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) {
    return Error{ErrorCode::kOutOfMemory,
                 "the host has no memory for the simulated device's: " + std::to_string(memory.size_bytes_), Stage::kInfer};
  }
  memory.base_ = static_cast<std::byte*>(base);
  return memory;
}

DeviceMemory::DeviceMemory(DeviceMemory&& other) noexcept
    : base_(std::exchange(other.base_, nullptr)),
      stride_bytes_(other.stride_bytes_),
      size_bytes_(other.size_bytes_),
      protect_(other.protect_) {}

DeviceMemory::~DeviceMemory() {
  if (base_ != nullptr) munmap(base_, size_bytes_);
}

DeviceMemory::Window::Window(DeviceMemory& memory, int region) : memory_(memory), data_(memory.address(region)) {
  if (memory_.protect_) mprotect(data_, memory_.stride_bytes_, PROT_READ | PROT_WRITE);
}

DeviceMemory::Window::~Window() {
  if (memory_.protect_) mprotect(data_, memory_.stride_bytes_, PROT_NONE);
}

}  // namespace smol
