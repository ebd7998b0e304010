#pragma once
#include <algorithm>

#include "smol/preprocess.h"

namespace smol {

/// The request for a whole picture.
[[nodiscard]] inline DecodeRequest request_of(const DecodeStep& decode, const ImageHeader& header,
                                              const PreprocessOptions& options) {
  DecodeRequest request;
  request.scale_denominator = decode.scale_denominator;
  request.thumbnail = decode.thumbnail;
  request.format = header.is_gray() ? PixelFormat::kGray8 : decode.format;
  request.background = options.background;
  request.fail_on = options.fail_on;
  request.limits = options.limits;
  request.stop = options.stop;
  return request;
}

/// The smallest rectangle that covers both.
[[nodiscard]] inline Rect united(const Rect& a, const Rect& b) {
  const int x = std::min(a.x, b.x), y = std::min(a.y, b.y);
  return {x, y, std::max(a.x + a.width, b.x + b.width) - x, std::max(a.y + a.height, b.y + b.height) - y};
}

}  // namespace smol
