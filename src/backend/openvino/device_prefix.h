#pragma once
#include <openvino/openvino.hpp>

#include "smol/backend.h"

namespace smol {

/// Puts `options.device_operators` in front of the model's first input, whose batch is set. The input then takes what
/// `options.host_output` describes. kUnsupported for operators that are not compiled into graphs; kInvalidArgument when the
/// chain does not end in what the model takes. Without host_output the model stays as it is.
Status prepend_device_operators(ov::Model& model, const CompileOptions& options);

}  // namespace smol
