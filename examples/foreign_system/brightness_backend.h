#pragma once
#include <memory>

#include "smol/backend.h"

namespace foreign {

/// Executes "models" that tell dark pictures (class 0) from bright ones (class 1). A model is a text file, FILE.brightness:
/// the side of its square input, and the microseconds that a picture takes.
[[nodiscard]] std::unique_ptr<const smol::Backend> create_brightness_backend();

}  // namespace foreign
