#pragma once
#include <optional>
#include <string>

#include "smol/preprocess.h"
#include "smol/video.h"

namespace smol::cli {

/// Whether a file begins like a video. False where it cannot be read: whoever reads it next says why.
[[nodiscard]] bool is_video(const std::string& path);

/// Which frame of a video: a number, or seconds after the first frame; neither: the first.
struct FrameChoice {
  std::optional<std::int64_t> number;
  std::optional<double> seconds;
};
/// Decodes one frame into `picture`, oriented. kUnsupported without the video plug-in.
[[nodiscard]] Status decode_frame(const std::string& path, const FrameChoice& choice, const VideoReadOptions& options,
                                  const PictureRequest& request, Image& picture);

}  // namespace smol::cli
