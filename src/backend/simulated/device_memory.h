#pragma once
#include <cstddef>

#include "smol/result.h"

namespace smol {

/// Memory of a simulated device: pages apart from the host's heap, divided into regions of equal size. With protection on,
/// any access outside of a Window crashes, as it would on a real device. Windows of different regions may be open at once.
class DeviceMemory {
 public:
  /// Makes one region accessible while it lives: the moments in which a real device's copy engine or kernels touch it.
  class Window {
   public:
    Window(DeviceMemory& memory, int region);
    ~Window();
    Window(const Window&) = delete;
    Window& operator=(const Window&) = delete;
    [[nodiscard]] std::byte* data() const { return data_; }

   private:
    DeviceMemory& memory_;
    std::byte* data_;
  };

  /// kOutOfMemory.
  [[nodiscard]] static Result<DeviceMemory> allocate(std::size_t region_bytes, int num_regions, bool protect);
  DeviceMemory(DeviceMemory&& other) noexcept;
  DeviceMemory& operator=(DeviceMemory&&) = delete;
  ~DeviceMemory();

  /// The region's address; not accessible without a Window.
  [[nodiscard]] std::byte* address(int region) const { return base_ + stride_bytes_ * static_cast<std::size_t>(region); }
  [[nodiscard]] std::size_t size_bytes() const { return size_bytes_; }

 private:
  DeviceMemory() = default;

  std::byte* base_ = nullptr;
  std::size_t stride_bytes_ = 0, size_bytes_ = 0;
  bool protect_ = false;
};

}  // namespace smol
