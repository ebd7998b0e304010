#include "smol/tensor.h"

#include <array>

namespace smol {
namespace {
constexpr std::array<std::string_view, 7> kDTypeNames{"u8", "i8", "i32", "i64", "f16", "bf16", "f32"};
}

std::string_view name_of(DType dtype) { return kDTypeNames.at(static_cast<std::size_t>(dtype)); }

Result<DType> parse_dtype(std::string_view name) {
  for (std::size_t i = 0; i < kDTypeNames.size(); ++i) {
    if (kDTypeNames[i] == name) return static_cast<DType>(i);
  }
  return Error{ErrorCode::kInvalidArgument, "dtype must be one of u8, i8, i32, i64, f16, bf16, f32: " + std::string(name)};
}

std::string_view name_of(Layout layout) { return layout == Layout::kNHWC ? "NHWC" : "NCHW"; }

std::string_view name_of(ColorOrder order) {
  switch (order) {
    case ColorOrder::kRGB:
      return "RGB";
    case ColorOrder::kBGR:
      return "BGR";
    case ColorOrder::kGray:
      return "gray";
  }
  return "unknown";
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ",";
    text += shape[i] < 0 ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

std::int64_t TensorView::num_elements() const {
  std::int64_t count = 1;
  for (std::int64_t dimension : shape) count *= dimension;
  return count;
}

std::size_t TensorView::size_bytes() const { return static_cast<std::size_t>(num_elements()) * size_bytes_of(dtype); }

}  // namespace smol
