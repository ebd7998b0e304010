#pragma once
#include "codec/video/ffmpeg/opened_file.h"

namespace smol {

/// The samples of a decoded frame, borrowed. kUnsupported for layouts that are not planar YUV, RGB or gray of up to 16 bits
/// in this machine's byte order.
[[nodiscard]] Result<FramePlanes> planes_of(const AVFrame& frame, const VideoInfo& info);

}  // namespace smol
