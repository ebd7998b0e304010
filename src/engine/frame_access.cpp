#include "engine/frame_access.h"

#include <chrono>

namespace smol {
namespace {

class OneFrame final : public FrameConsumer {
 public:
  using Use = std::function<Status(Decoder&, const ImageHeader&, double)>;
  OneFrame(FrameDecoder& decoder, Orientation orientation, const Use& use)
      : decoder_(decoder), orientation_(orientation), use_(use) {}

  bool frame(std::int64_t /*number*/, const Result<FramePlanes>& planes) override {
    const double frame_us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start_).count();
    status = planes.ok() ? show(*planes, frame_us) : planes.error();
    return false;
  }

  Status status = Error{ErrorCode::kNotFound, "the video gave no such frame", Stage::kDecode};

 private:
  Status show(const FramePlanes& planes, double frame_us) {
    decoder_.show(planes, orientation_);
    SMOL_ASSIGN_OR_RETURN(const ImageHeader header, decoder_.probe({}));
    return use_(decoder_, header, frame_us);
  }

  FrameDecoder& decoder_;
  const Orientation orientation_;
  const Use& use_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace

Status FrameAccess::with_frame(const Item& item, const VideoFidelity& fidelity, const DecodeLimits& limits,
                               const std::function<Status(Decoder&, const ImageHeader&, double frame_us)>& use) {
  if (path_ != item.path || !reader_) {
    SMOL_ASSIGN_OR_RETURN(const VideoLibrary* library, video_library());
    SMOL_ASSIGN_OR_RETURN(reader_, library->open(item.path));
    path_ = item.path;
  }
  VideoReadOptions options;
  options.fidelity = fidelity;
  options.limits = limits;
  OneFrame frame(*decoder_, item.video->info.orientation, use);
  SMOL_RETURN_IF_ERROR(reader_->read(*item.video, {&item.frame, 1}, options, frame));
  return frame.status;
}

}  // namespace smol
