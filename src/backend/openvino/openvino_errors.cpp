#include "backend/openvino/openvino_errors.h"

#include <sstream>
#include <vector>

namespace smol {

std::string brief(const std::exception& exception) {
  std::vector<std::string> lines;
  std::istringstream text(exception.what());
  for (std::string line; std::getline(text, line);) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin != std::string::npos && line.compare(begin, 15, "Exception from ") != 0) lines.push_back(line.substr(begin));
  }
  constexpr std::size_t kMaxLines = 2, kMaxCharacters = 300;
  std::string joined;
  for (std::size_t i = lines.size() > kMaxLines ? lines.size() - kMaxLines : 0; i < lines.size(); ++i) {
    joined += (joined.empty() ? "" : " ") + lines[i];
  }
  return joined.substr(0, kMaxCharacters);
}

Result<DType> dtype_of(const ov::element::Type& type, const std::string& tensor_name) {
  switch (type) {
    case ov::element::Type_t::u8:
      return DType::kU8;
    case ov::element::Type_t::i8:
      return DType::kI8;
    case ov::element::Type_t::i32:
      return DType::kI32;
    case ov::element::Type_t::i64:
      return DType::kI64;
    case ov::element::Type_t::f16:
      return DType::kF16;
    case ov::element::Type_t::bf16:
      return DType::kBF16;
    case ov::element::Type_t::f32:
      return DType::kF32;
    default:
      return Error{ErrorCode::kUnsupported, "tensor " + tensor_name +
                                                " must have one of the types u8, i8, i32, i64, f16, bf16, "
                                                "f32; it has " +
                                                type.get_type_name()};
  }
}

ov::element::Type element_type_of(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return ov::element::u8;
    case DType::kI8:
      return ov::element::i8;
    case DType::kI32:
      return ov::element::i32;
    case DType::kI64:
      return ov::element::i64;
    case DType::kF16:
      return ov::element::f16;
    case DType::kBF16:
      return ov::element::bf16;
    case DType::kF32:
      return ov::element::f32;
  }
  return ov::element::dynamic;
}

}  // namespace smol
