#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// WebP by libwebp: the first picture of an animation.
[[nodiscard]] std::unique_ptr<const Codec> create_webp_codec();

}  // namespace smol
