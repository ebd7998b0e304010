#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// PNG by libdeflate and own unfiltering, libspng where that cannot be used.
[[nodiscard]] std::unique_ptr<const Codec> create_png_codec();

}  // namespace smol
