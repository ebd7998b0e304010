#pragma once
#include <string>

#include "smol/result.h"

namespace smol {

/// The last path component from its last dot, lower case: ".onnx"; empty when there is none.
[[nodiscard]] std::string extension_of(const std::string& path);
/// Digest of a model: the file and, where weights lie beside it (IR's .bin, ONNX external data), those too. kNotFound, kIo.
[[nodiscard]] Result<std::string> digest_of_model(const std::string& path);

}  // namespace smol
