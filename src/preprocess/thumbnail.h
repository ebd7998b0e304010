#pragma once
#include <optional>
#include <span>

#include "smol/preprocess.h"

namespace smol {

/// A picture's embedded thumbnail as a picture of its own.
[[nodiscard]] ImageHeader header_of_thumbnail(const ImageHeader& picture);

/// Whether there is a thumbnail of the picture's aspect ratio, within 2 %: others have bars, or are of an earlier crop.
[[nodiscard]] bool has_whole_thumbnail(const ImageHeader& picture);

/// header_of_thumbnail() where the thumbnail can stand in for the whole picture: has_whole_thumbnail(), and on both axes it
/// has at least half of the pixels that the resize makes. `operators` are those of the first step. nullopt, too, where they
/// count pixels of the full picture before the resize.
[[nodiscard]] std::optional<ImageHeader> usable_thumbnail(const ImageHeader& picture, std::span<const Operator> operators);

/// The first resize, when nothing but the orientation comes before it; else null.
[[nodiscard]] const ResizeOp* resize_of_whole(std::span<const Operator> operators);

}  // namespace smol
