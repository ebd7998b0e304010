#pragma once
#include <memory>
#include <openvino/openvino.hpp>
#include <optional>
#include <string>
#include <vector>

#include "smol/backend.h"

namespace smol {

/// Functions on a model's graph. They throw OpenVINO's exceptions; the backend turns those into errors.

/// The batch that the file fixes: the first dimension of the first input; 0 when it is left open.
[[nodiscard]] std::int64_t batch_in_file(const ov::Model& model);
/// Gives every input the batch, and dimensions that the file leaves open the size of `picture` (what the first input takes).
void set_batch(ov::Model& model, std::int64_t batch, const std::optional<OutputSpec>& picture);
/// Reshapes of a file with batch 1 to constant shapes follow the batch instead; call before set_batch. Whether anything
/// changed. The result has to be verified: a constant may have meant something else.
bool free_constant_reshapes(ov::Model& model);
/// Specifications of inputs or outputs, -1 for open dimensions. kUnsupported for element types that smol lacks.
[[nodiscard]] Result<std::vector<TensorSpec>> specs_of(const std::vector<ov::Output<const ov::Node>>& ports);

}  // namespace smol
