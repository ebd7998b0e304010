#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// TIFF by libtiff: the first page.
[[nodiscard]] std::unique_ptr<const Codec> create_tiff_codec();

}  // namespace smol
