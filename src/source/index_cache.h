#pragma once
#include <stop_token>
#include <string>
#include <vector>

#include "smol/video.h"

namespace smol {

/// `library.index(path)`, or what an earlier call kept of it in `folder` (empty: nowhere), if the file and the library are
/// still the same. A folder that cannot be written costs time, never the index.
[[nodiscard]] Result<VideoIndex> index_of_video(const VideoLibrary& library, const std::string& path,
                                                const std::string& folder, const std::stop_token& stop);

/// The index as bytes, and back. kCorrupt for bytes that are no index or not a whole one.
[[nodiscard]] std::vector<std::uint8_t> serialize(const VideoIndex& index);
[[nodiscard]] Result<VideoIndex> parse_index(ByteView bytes);

}  // namespace smol
