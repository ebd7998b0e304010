#pragma once
#include <functional>
#include <memory>
#include <string>

#include "smol/session.h"
#include "smol/video.h"

namespace smol {

/// Single frames of videos as pictures, for looking at samples; runs decode whole groups. The video that was read last stays
/// open, so that frames in ascending order are decoded once. One thread.
class FrameAccess {
 public:
  /// Lends the frame that `item` names to `use`, with the microseconds that decoding it took. kCorrupt where it is damaged;
  /// other errors are those of opening the video, or `use`'s.
  Status with_frame(const Item& item, const VideoFidelity& fidelity, const DecodeLimits& limits,
                    const std::function<Status(Decoder&, const ImageHeader&, double frame_us)>& use);

 private:
  std::string path_;
  std::unique_ptr<VideoReader> reader_;
  std::unique_ptr<FrameDecoder> decoder_ = create_frame_decoder();
};

}  // namespace smol
