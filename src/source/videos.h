#pragma once
#include <map>
#include <string>
#include <vector>

#include "smol/source.h"

namespace smol {

/// Whether the extension is one that videos have.
[[nodiscard]] bool has_video_extension(const std::string& path);

/// What can be known of the videos behind `paths`, each by its key: their indices, or why there are none. kCancelled.
[[nodiscard]] Result<std::map<std::string, Dataset::Rendition::Video>> index_videos(
    const std::map<std::string, Result<std::string>>& paths, const DatasetOptions& options);

/// The ids of the sampled frames of the videos of a rendition, in order: "video.mp4#pts"; of a video that cannot be read its
/// path alone.
[[nodiscard]] std::vector<std::string> frame_ids(const Dataset::Rendition& rendition, const FrameSampling& sampling);

/// Makes `item`, whose id is set, a frame of a video of `rendition`, or an item with an error. False where its id names no
/// video. `reference`: the first rendition, whose times the id tells.
[[nodiscard]] bool place_in_video(const Dataset::Rendition& reference, const Dataset::Rendition& rendition, Item& item);

/// Size of the oriented frames of the video that the item is of, in the first rendition.
[[nodiscard]] std::optional<Size> frame_size_of(const Dataset::Rendition& reference, const std::string& item_id);

}  // namespace smol
