#pragma once
#include <span>

#include "smol/preprocess.h"

namespace smol {

/// Arithmetic operations that device operators take for one picture, which arrives as `input`. The optimizer counts alike:
/// one a sample to make it a float, two to normalise it, one to move it; a resize takes its multiply-adds.
[[nodiscard]] double count_operations(std::span<const Operator> operators, OutputSpec input);

}  // namespace smol
