#include "cli/video_frame.h"

#include <fmt/format.h>

#include "smol/source.h"

namespace smol::cli {
namespace {

constexpr std::int64_t kFirstBytes = 4096;

class OneFrame final : public FrameConsumer {
 public:
  OneFrame(Orientation orientation, const PictureRequest& request, Image& picture)
      : orientation_(orientation), request_(request), picture_(picture) {}

  bool frame(std::int64_t /*number*/, const Result<FramePlanes>& planes) override {
    status_ = planes.ok() ? convert(*planes) : planes.error();
    return false;
  }
  [[nodiscard]] const Status& status() const { return status_; }

 private:
  Status convert(const FramePlanes& planes) {
    const Result<DecodeReport> report = decode_picture(planes, orientation_, request_, picture_);
    return report.ok() ? Status{} : report.error();
  }

  Orientation orientation_;
  const PictureRequest& request_;
  Image& picture_;
  Status status_ = Error{ErrorCode::kNotFound, "the video gave no such frame", Stage::kDecode};
};

}  // namespace

bool is_video(const std::string& path) {
  std::vector<std::uint8_t> first;
  return read_file_range(path, 0, kFirstBytes, first).ok() && looks_like_video(first);
}

Status decode_frame(const std::string& path, const FrameChoice& choice, const VideoReadOptions& options,
                    const PictureRequest& request, Image& picture) {
  SMOL_ASSIGN_OR_RETURN(const VideoLibrary* library, video_library());
  SMOL_ASSIGN_OR_RETURN(const VideoIndex index, library->index(path, options.stop));
  std::int64_t number = choice.number.value_or(0);
  if (choice.seconds) {
    SMOL_ASSIGN_OR_RETURN(number, index.frame_at(*choice.seconds));
  }
  const auto num_frames = static_cast<std::int64_t>(index.frames.size());
  if (number < 0 || number >= num_frames)
    return Error{ErrorCode::kInvalidArgument, fmt::format("the video has frames 0..{}: {}", num_frames - 1, number),
                 Stage::kDecode};
  SMOL_ASSIGN_OR_RETURN(const std::unique_ptr<VideoReader> reader, library->open(path));
  OneFrame frame(index.info.orientation, request, picture);
  SMOL_RETURN_IF_ERROR(reader->read(index, {&number, 1}, options, frame));
  return frame.status();
}

}  // namespace smol::cli
