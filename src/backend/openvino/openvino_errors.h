#pragma once
#include <openvino/openvino.hpp>
#include <string>
#include <utility>

#include "smol/result.h"
#include "smol/tensor.h"

namespace smol {

/// The last lines of an OpenVINO exception, which say what is wrong; the first ones name its source files.
[[nodiscard]] std::string brief(const std::exception& exception);

/// Runs `body`; what it throws becomes an Error: no exception leaves the plug-in.
template <typename Body>
auto without_exceptions(const std::string& doing, ErrorCode code, Body&& body) -> decltype(body()) {
  try {
    return std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, doing + ": out of memory; use a smaller batch or fewer slots", Stage::kInfer};
  } catch (const std::exception& exception) {
    return Error{code, doing + ": " + brief(exception), Stage::kInfer};
  }
}

/// kUnsupported for element types that have no DType.
[[nodiscard]] Result<DType> dtype_of(const ov::element::Type& type, const std::string& tensor_name);
[[nodiscard]] ov::element::Type element_type_of(DType dtype);

}  // namespace smol
