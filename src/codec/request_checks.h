#pragma once
/// What every decoder checks of a request before it decodes. Header only: codec plug-ins use it, too.

#include <algorithm>
#include <optional>
#include <string>

#include "smol/codec.h"

namespace smol {

/// kLimitExceeded for more pixels than allowed, before anything large is allocated.
[[nodiscard]] inline Status check_pixels(Size size, const DecodeLimits& limits) {
  if (std::int64_t{size.width} * size.height <= limits.max_pixels) return {};
  return Error{ErrorCode::kLimitExceeded,
               "picture is larger than --max-pixels allows (" + std::to_string(limits.max_pixels) +
                   "); raise it if the file is trusted: " + std::to_string(size.width) + "x" + std::to_string(size.height),
               Stage::kDecode};
}

/// The part of a picture that is wanted, clipped to it; without a region all of it. kInvalidArgument where nothing is left.
[[nodiscard]] inline Result<Rect> clip_region(const std::optional<Rect>& region, Size size) {
  if (!region) return Rect{0, 0, size.width, size.height};
  const int left = std::max(region->x, 0), top = std::max(region->y, 0);
  const auto right = std::min<std::int64_t>(std::int64_t{region->x} + region->width, size.width);
  const auto bottom = std::min<std::int64_t>(std::int64_t{region->y} + region->height, size.height);
  if (bottom <= top || right <= left) {
    return Error{ErrorCode::kInvalidArgument,
                 "the region lies outside the picture of " + std::to_string(size.width) + "x" + std::to_string(size.height),
                 Stage::kDecode};
  }
  return Rect{left, top, static_cast<int>(right - left), static_cast<int>(bottom - top)};
}

}  // namespace smol
