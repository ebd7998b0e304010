#pragma once
#include <memory>

#include "smol/backend.h"

namespace smol {

/// Executes .refmodel files (reference_model.h) on its own named threads: deterministic and tiny, for tests.
[[nodiscard]] std::unique_ptr<const Backend> create_reference_backend();

}  // namespace smol
