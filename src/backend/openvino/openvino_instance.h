#pragma once
#include <memory>
#include <openvino/openvino.hpp>
#include <string>

#include "smol/backend.h"

namespace smol {

/// A compiled model with `num_slots` infer requests; a slot's tensors are its request's own: nothing is copied.
/// Throws OpenVINO's exceptions.
[[nodiscard]] Result<std::unique_ptr<ModelInstance>> create_openvino_instance(ov::CompiledModel compiled, int batch,
                                                                              std::string max_batch_reason, int num_slots);

}  // namespace smol
