#include "model/output_reader.h"

#include <bit>
#include <cstring>

#include "base/float16.h"

namespace smol {
namespace {

/// Applies `convert` to each element of type T.
template <typename T, typename Convert>
void convert_all(const std::byte* data, std::vector<float>& values, Convert convert) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    T element;
    std::memcpy(&element, data + i * sizeof(T), sizeof(T));
    values[i] = convert(element);
  }
}

}  // namespace

Status OutputReader::read(std::span<const TensorView> outputs, int index, std::vector<float>& values) const {
  if (output_index_ >= outputs.size() || outputs[output_index_].shape.empty() || index < 0 ||
      index >= outputs[output_index_].shape[0]) {
    return Error{ErrorCode::kInternal, "picture is outside of the output tensors: " + std::to_string(index),
                 Stage::kPostprocess};
  }
  const TensorView& tensor = outputs[output_index_];
  const std::size_t count = static_cast<std::size_t>(tensor.num_elements() / tensor.shape[0]);
  const std::byte* data = static_cast<const std::byte*>(tensor.data) + index * count * size_bytes_of(tensor.dtype);
  values.resize(count);
  const auto quantised = [this](auto q) { return static_cast<float>(static_cast<double>(q) - zero_point_) * scale_; };
  const auto real = [this](float x) { return (x - static_cast<float>(zero_point_)) * scale_; };
  switch (tensor.dtype) {
    case DType::kU8:
      convert_all<std::uint8_t>(data, values, quantised);
      break;
    case DType::kI8:
      convert_all<std::int8_t>(data, values, quantised);
      break;
    case DType::kI32:
      convert_all<std::int32_t>(data, values, quantised);
      break;
    case DType::kI64:
      convert_all<std::int64_t>(data, values, quantised);
      break;
    case DType::kF16:
      convert_all<std::uint16_t>(data, values, [&](std::uint16_t bits) { return real(float_of_f16(bits)); });
      break;
    case DType::kBF16:
      convert_all<std::uint16_t>(data, values, [&](std::uint16_t bits) { return real(float_of_bf16(bits)); });
      break;
    case DType::kF32:
      convert_all<float>(data, values, real);
      break;
  }
  return {};
}

Result<std::size_t> find_output(const ModelCard& card, const std::vector<TensorSpec>& outputs) {
  std::string names;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (card.output_name.empty() || outputs[i].name == card.output_name) return i;
    names += (i == 0 ? "" : ", ") + outputs[i].name;
  }
  return Error{ErrorCode::kNotFound, "model has no such output; it has " + names + ": " + card.output_name};
}

}  // namespace smol
