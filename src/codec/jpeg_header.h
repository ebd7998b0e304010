#pragma once
/// A marker scan that reads a JPEG's header without libjpeg: a few hundred nanoseconds instead of its table set-up.

#include "smol/codec.h"

namespace smol {

/// Reads up to the first start of scan. kCorrupt, kTruncated, kUnsupported (lossless, hierarchical, not 8 bits, 2 or more
/// than 4 components).
[[nodiscard]] Result<ImageHeader> read_jpeg_header(ByteView bytes);

/// The embedded thumbnail that the header states; empty where it states none.
[[nodiscard]] ByteView find_jpeg_thumbnail(ByteView bytes);

}  // namespace smol
