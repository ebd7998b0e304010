#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// PBM, PGM and PPM, plain and binary, by own code.
[[nodiscard]] std::unique_ptr<const Codec> create_ppm_codec();

}  // namespace smol
