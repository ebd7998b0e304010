#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// JPEG by libjpeg-turbo.
[[nodiscard]] std::unique_ptr<const Codec> create_jpeg_codec();

}  // namespace smol
