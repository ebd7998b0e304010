#include <fmt/format.h>

#include <algorithm>

#include "codec/video/ffmpeg/ffmpeg_reader.h"
#include "codec/video/packet_reference.h"
#include "codec/video/video_plug_in.h"

namespace smol {
namespace {

PacketReference::Syntax syntax_of(AVCodecID codec) {
  switch (codec) {
    case AV_CODEC_ID_H264:
      return PacketReference::Syntax::kH264;
    case AV_CODEC_ID_HEVC:
      return PacketReference::Syntax::kHevc;
    case AV_CODEC_ID_MPEG1VIDEO:
    case AV_CODEC_ID_MPEG2VIDEO:
      return PacketReference::Syntax::kMpeg2;
    case AV_CODEC_ID_MPEG4:
      return PacketReference::Syntax::kMpeg4;
    default:
      return PacketReference::Syntax::kUnknown;
  }
}

ByteView bytes_of(const std::uint8_t* data, int size) {
  return data == nullptr ? ByteView() : ByteView(data, static_cast<std::size_t>(std::max(0, size)));
}

class FfmpegLibrary final : public VideoLibrary {
 public:
  FfmpegLibrary() {
    // What concerns the user is in our errors; the library's own lines on stderr name no file.
    av_log_set_level(AV_LOG_QUIET);
  }

  std::string description() const override {
    const std::string licence = avcodec_license();
    return fmt::format("FFmpeg {} (libavcodec {}.{}.{}, {})", av_version_info(), LIBAVCODEC_VERSION_MAJOR,
                       LIBAVCODEC_VERSION_MINOR, LIBAVCODEC_VERSION_MICRO, licence);
  }

  Result<VideoIndex> index(const std::string& path, const std::stop_token& stop) const override {
    SMOL_ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, OpenedFile::open(path, stop));
    const PacketPointer packet(av_packet_alloc());
    if (!packet) return Error{ErrorCode::kOutOfMemory, "no memory to read the video", Stage::kRead};
    std::vector<PacketFacts> packets;
    const AVCodecParameters& parameters = *file->stream().codecpar;
    const PacketReference reference(syntax_of(parameters.codec_id),
                                    bytes_of(parameters.extradata, parameters.extradata_size));
    for (;;) {
      const Status got = file->next_packet(*packet);
      if (!got.ok()) {
        const ErrorCode code = got.error().code;
        const bool is_damage = code != ErrorCode::kNotFound && code != ErrorCode::kCancelled;
        if (code == ErrorCode::kCancelled || (is_damage && packets.empty())) return got.error();
        break;  // the end, or what comes before the damage can still be had
      }
      const auto time = [](std::int64_t ticks) {
        return ticks == AV_NOPTS_VALUE ? std::optional<std::int64_t>{} : std::optional(ticks);
      };
      packets.push_back({time(packet->pts), time(packet->dts), (packet->flags & AV_PKT_FLAG_KEY) != 0,
                         (packet->flags & AV_PKT_FLAG_DISCARD) != 0, packet->size,
                         reference.may_be_reference(bytes_of(packet->data, packet->size))});
    }
    VideoInfo info = file->info();
    if (every_frame_has_time(packets)) return build_index(std::move(info), packets);
    SMOL_ASSIGN_OR_RETURN(file, OpenedFile::open(path, stop));
    FfmpegReader reader(path, std::move(file));
    SMOL_ASSIGN_OR_RETURN(const std::int64_t num_frames, reader.count_frames());
    if (num_frames == 0) return Error{ErrorCode::kCorrupt, "no frame of the stream can be decoded: " + path, Stage::kDecode};
    return build_untimed_index(std::move(info), num_frames, packets);
  }

  Result<std::unique_ptr<VideoReader>> open(const std::string& path) const override {
    SMOL_ASSIGN_OR_RETURN(std::unique_ptr<OpenedFile> file, OpenedFile::open(path, {}));
    return std::unique_ptr<VideoReader>(std::make_unique<FfmpegReader>(path, std::move(file)));
  }
};

}  // namespace
}  // namespace smol

extern "C" smol::VideoLibrary* smol_create_video_library_v1() { return new smol::FfmpegLibrary; }
