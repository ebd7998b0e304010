#pragma once
/// The blocks of a GIF that decide the pixels of its first picture, found without unpacking anything.

#include "codec/faults.h"
#include "codec/pixel_rows.h"

namespace smol {

struct GifBlocks {
  ImageHeader header;  ///< the size is the screen's, enlarged where the first picture sticks out
  Rect frame;          ///< of the first picture on the screen; may be empty
  bool interlaced = false;
  int transparent_index = -1;
  /// Transparent where the file says so. What the picture does not cover has the colour `uncovered_index`.
  Palette palette{};
  int uncovered_index = 0;
  int code_bits = 8;  ///< of the shortest codes
  ByteView data;      ///< the packed picture in its sub-blocks, beginning with `code_bits`
  bool data_end_early = false;
};

/// kCorrupt, kTruncated (before the pixels).
Status read_gif_blocks(ByteView bytes, Faults& faults, GifBlocks& blocks);

[[nodiscard]] bool has_gif_signature(ByteView bytes);

}  // namespace smol
