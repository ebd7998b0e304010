#pragma once
#include <memory>

#include "smol/backend.h"

namespace smol {

/// A device that does not exist: its timings follow a description (device_description.h, `CompileOptions::config_path`).
/// `hosts` are the backends that read its model files and, where the description asks for answers, compute them; they must
/// outlive the backend, not the instances made from it.
[[nodiscard]] std::unique_ptr<const Backend> create_simulated_backend(const BackendRegistry& hosts);

}  // namespace smol
