#pragma once

#include "smol/codec.h"

namespace smol {

/// What the child does with the codec that it has loaded: answers until the other side is gone. The
/// descriptors after `socket` are shared memory: compressed bytes, then rows.
void serve_decoder(int socket, const Codec& codec);

}  // namespace smol
