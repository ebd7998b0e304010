#pragma once

#include <memory>

#include "smol/codec.h"

namespace smol {

/// GIF: the first picture on its screen. Unpacked by giflib.
[[nodiscard]] std::unique_ptr<const Codec> create_gif_codec();

}  // namespace smol
