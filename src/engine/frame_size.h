#pragma once
#include <cstdint>
#include <vector>

#include "smol/session.h"

namespace smol {

/// Whether the frame of an item's regions is another file, whose size is yet unknown.
[[nodiscard]] inline bool needs_frame_size(const Item& item) {
  return !item.error && !item.regions.empty() && !item.full_size && !item.frame_path.empty();
}
/// Oriented size of the frame, from the header of Item::frame_path; `buffer` takes the file. The error says which file the
/// regions cannot do without.
[[nodiscard]] Result<Size> read_frame_size(const CodecRegistry& codecs, Source& source, const Item& item,
                                           std::vector<std::uint8_t>& buffer);

}  // namespace smol
