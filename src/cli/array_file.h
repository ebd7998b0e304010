#pragma once
#include <string>

#include "smol/result.h"
#include "smol/tensor.h"

namespace smol::cli {

/// Writes a dense tensor as NumPy's .npy (format 1.0). u8, i8, i32, i64, f16 and f32. kIo, kUnsupported.
Status write_npy(const std::string& path, const TensorView& tensor);

}  // namespace smol::cli
