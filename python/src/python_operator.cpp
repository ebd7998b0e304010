#include "python_operator.h"

#include <fmt/format.h>

#include <cstring>

#include "picture.h"

namespace smol::python {
namespace {

Error raised_in(const std::string& name, const std::exception& error) {
  return Error{ErrorCode::kInvalidArgument, fmt::format("the user operator '{}' raised {}", name, error.what()),
               Stage::kPreprocess};
}

}  // namespace

PythonOperator::PythonOperator(std::string name, nb::object apply, nb::object output_size, bool commutes_with_geometry,
                               double operations_per_pixel)
    : name_(std::move(name)),
      apply_(std::move(apply)),
      output_size_(std::move(output_size)),
      commutes_with_geometry_(commutes_with_geometry),
      operations_per_pixel_(operations_per_pixel) {}

PythonOperator::~PythonOperator() {
  const nb::gil_scoped_acquire acquired;
  apply_.reset();
  output_size_.reset();
}

Result<Size> PythonOperator::output_size(Size input) const {
  const nb::gil_scoped_acquire acquired;
  if (output_size_.is_none()) return input;
  try {
    const auto [width, height] = nb::cast<std::pair<int, int>>(output_size_(input.width, input.height));
    return Size{width, height};
  } catch (const std::exception& error) {
    return raised_in(name_, error);
  }
}

Status PythonOperator::apply(const ImageView& in, ImageView& out) const {
  const nb::gil_scoped_acquire acquired;
  try {
    return apply_with_gil(in, out);
  } catch (const std::exception& error) {
    return raised_in(name_, error);
  }
}

Status PythonOperator::apply_with_gil(const ImageView& in, ImageView& out) const {
  // A copy: the callable may keep its argument, our rows are used again. It costs less than the call itself.
  const auto row_bytes = static_cast<std::size_t>(in.width) * 3;
  ArrayMemory memory(row_bytes * in.height);
  for (int y = 0; y < in.height; ++y) {
    std::memcpy(static_cast<std::uint8_t*>(memory.data()) + row_bytes * y, in.row(y), row_bytes);
  }
  const nb::object argument = nb::cast(std::move(memory).to_numpy<std::uint8_t>(
      {static_cast<std::size_t>(in.height), static_cast<std::size_t>(in.width), 3}));
  const nb::object result = apply_(argument);
  nb::ndarray<const std::uint8_t, nb::ndim<3>, nb::c_contig, nb::device::cpu> array;
  if (!nb::try_cast(result, array, false) || array.shape(2) != 3) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the user operator '{}' must return an array of uint8 with shape (height, width, 3)", name_),
                 Stage::kPreprocess};
  }
  if (static_cast<int>(array.shape(0)) != out.height || static_cast<int>(array.shape(1)) != out.width) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the user operator '{}' returned {}x{} where its output_size() says {}x{}", name_,
                             array.shape(1), array.shape(0), out.width, out.height),
                 Stage::kPreprocess};
  }
  for (int y = 0; y < out.height; ++y) {
    const std::size_t bytes = array.shape(1) * 3;
    std::memcpy(out.row(y), array.data() + bytes * y, bytes);
  }
  return {};
}

}  // namespace smol::python
