#pragma once
/// Tensors as views: element type, shape, memory kind. Dense row-major unless strides say otherwise.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smol/image.h"
#include "smol/result.h"

namespace smol {

enum class DType : std::uint8_t { kU8, kI8, kI32, kI64, kF16, kBF16, kF32 };
[[nodiscard]] std::string_view name_of(DType dtype);  // "u8", "f32", ...
[[nodiscard]] Result<DType> parse_dtype(std::string_view name);
[[nodiscard]] constexpr std::size_t size_bytes_of(DType dtype) {
  switch (dtype) {
    case DType::kU8:
    case DType::kI8:
      return 1;
    case DType::kF16:
    case DType::kBF16:
      return 2;
    case DType::kI64:
      return 8;
    default:
      return 4;
  }
}

enum class Layout : std::uint8_t { kNHWC, kNCHW };
[[nodiscard]] std::string_view name_of(Layout layout);  // "NHWC"
enum class ColorOrder : std::uint8_t { kRGB, kBGR, kGray };
[[nodiscard]] std::string_view name_of(ColorOrder order);  // "RGB", "BGR", "gray"

/// Shape with dimension 0 as the batch; -1 marks a dynamic dimension in specifications.
using Shape = std::vector<std::int64_t>;
[[nodiscard]] std::string to_string(const Shape& shape);  // "[1,3,224,224]"

/// Name, type and shape of a model's input or output.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
};

/// Borrowed dense tensor memory.
struct TensorView {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Shape shape;
  MemoryKind memory = MemoryKind::kHost;
  int device = 0;

  [[nodiscard]] std::int64_t num_elements() const;
  [[nodiscard]] std::size_t size_bytes() const;
};

/// One picture's place inside a batch tensor: what preprocessing writes. No batch dimension.
struct TensorSlot {
  void* data = nullptr;
  DType dtype = DType::kF32;
  Layout layout = Layout::kNCHW;
  ColorOrder color = ColorOrder::kRGB;
  int width = 0, height = 0;
  [[nodiscard]] int channels() const { return color == ColorOrder::kGray ? 1 : 3; }
  [[nodiscard]] std::size_t size_bytes() const {
    return static_cast<std::size_t>(width) * height * channels() * size_bytes_of(dtype);
  }
};

}  // namespace smol
