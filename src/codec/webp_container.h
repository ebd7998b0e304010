#pragma once
/// The chunks of a WebP that decide the pixels of its first picture.

#include "codec/faults.h"
#include "smol/codec.h"

namespace smol {

struct WebpChunks {
  ImageHeader header;  ///< the size is the canvas'
  Rect frame;          ///< of the first picture on the canvas
  /// The picture's own chunks as libwebp takes them: an alpha chunk where there is one, then "VP8 " or "VP8L".
  ByteView picture;
  std::size_t alpha_chunk_bytes = 0;  ///< of the alpha chunk in front of `picture`
  bool ends_early = false;            ///< the bytes end inside `picture`
};

/// kCorrupt, kTruncated (before the size of the picture is known), kUnsupported.
Status read_webp_chunks(ByteView bytes, Faults& faults, WebpChunks& chunks);

[[nodiscard]] bool has_webp_signature(ByteView bytes);

}  // namespace smol
