#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// BMP by own code.
[[nodiscard]] std::unique_ptr<const Codec> create_bmp_codec();

}  // namespace smol
