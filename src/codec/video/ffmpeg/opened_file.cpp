#include "codec/video/ffmpeg/opened_file.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <fmt/format.h>

#include <algorithm>

namespace smol {
namespace {

int is_stopped(void* stop) { return static_cast<const std::stop_token*>(stop)->stop_requested() ? 1 : 0; }

Error error_of(int code, const std::string& what, const std::string& path) {
  ErrorCode as = ErrorCode::kCorrupt;
  if (code == AVERROR(ENOENT)) as = ErrorCode::kNotFound;
  if (code == AVERROR(EIO) || code == AVERROR(EACCES) || code == AVERROR(EISDIR)) as = ErrorCode::kIo;
  if (code == AVERROR(ENOMEM)) as = ErrorCode::kOutOfMemory;
  if (code == AVERROR_EXIT) as = ErrorCode::kCancelled;
  return Error{as, fmt::format("{}, {}: {}", what, ffmpeg_message(code), path), Stage::kRead};
}

/// FFmpeg's display matrix turns counter-clockwise by av_display_rotation_get(); a negative determinant flips.
Orientation orientation_of(const AVStream& stream) {
  const auto* matrix =
      reinterpret_cast<const std::int32_t*>(av_stream_get_side_data(&stream, AV_PKT_DATA_DISPLAYMATRIX, nullptr));
  if (matrix == nullptr) return Orientation::kNormal;
  // Pixel (x, y) is shown at (a x + c y, b x + d y): the signs alone tell, as turns are by quarters.
  const auto sign = [](std::int32_t value) { return value > 0x8000 ? 1 : value < -0x8000 ? -1 : 0; };
  const int a = sign(matrix[0]), b = sign(matrix[1]), c = sign(matrix[3]), d = sign(matrix[4]);
  if (a == 1 && d == -1) return Orientation::kFlipVertical;
  if (a == -1 && d == 1) return Orientation::kFlipHorizontal;
  if (a == -1 && d == -1) return Orientation::kRotate180;
  if (b == 1 && c == -1) return Orientation::kRotate90;
  if (b == -1 && c == 1) return Orientation::kRotate270;
  if (b == 1 && c == 1) return Orientation::kTranspose;
  if (b == -1 && c == -1) return Orientation::kTransverse;
  return Orientation::kNormal;
}

}  // namespace

std::optional<ColorMatrix> matrix_of(AVColorSpace space) {
  switch (space) {
    case AVCOL_SPC_BT709:
      return ColorMatrix::kBt709;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
      return ColorMatrix::kBt601;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
      return ColorMatrix::kBt2020;
    case AVCOL_SPC_SMPTE240M:
      return ColorMatrix::kSmpte240m;
    case AVCOL_SPC_FCC:
      return ColorMatrix::kFcc;
    default:
      return std::nullopt;
  }
}

std::string ffmpeg_message(int code) {
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(code, text, sizeof(text));
  return text;
}

Result<std::unique_ptr<OpenedFile>> OpenedFile::open(const std::string& path, const std::stop_token& stop) {
  std::unique_ptr<OpenedFile> file(new OpenedFile);
  file->stop_ = stop;
  file->format_ = avformat_alloc_context();
  if (file->format_ == nullptr) return Error{ErrorCode::kOutOfMemory, "no memory to open a video", Stage::kRead};
  file->format_->interrupt_callback = {is_stopped, &file->stop_};
  AVDictionary* options = nullptr;
  av_dict_set(&options, "protocol_whitelist", "file", 0);
  const int code = avformat_open_input(&file->format_, ("file:" + path).c_str(), nullptr, &options);
  av_dict_free(&options);
  if (code < 0) return error_of(code, "cannot open the video", path);
  SMOL_RETURN_IF_ERROR(file->find_video(path));
  return file;
}

Status OpenedFile::find_video(const std::string& path) {
  // Some streams are decoded to learn what they are. Those found only then know no limit.
  std::vector<AVDictionary*> options(format_->nb_streams);
  for (AVDictionary*& of_stream : options) av_dict_set_int(&of_stream, "max_pixels", DecodeLimits{}.max_pixels, 0);
  const int code = avformat_find_stream_info(format_, options.empty() ? nullptr : options.data());
  for (AVDictionary*& of_stream : options) av_dict_free(&of_stream);
  if (code < 0) return error_of(code, "cannot read the video's streams", path);
  stream_ = av_find_best_stream(format_, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder_, 0);
  if (stream_ == AVERROR_DECODER_NOT_FOUND)
    return Error{ErrorCode::kUnsupported, "the linked FFmpeg has no decoder for this video: " + path, Stage::kRead};
  if (stream_ < 0) return Error{ErrorCode::kUnsupported, "the file has no video stream: " + path, Stage::kRead};
  for (unsigned i = 0; i < format_->nb_streams; ++i) {
    if (static_cast<int>(i) != stream_) format_->streams[i]->discard = AVDISCARD_ALL;
  }
  return {};
}

OpenedFile::~OpenedFile() { avformat_close_input(&format_); }

Status OpenedFile::next_packet(AVPacket& packet) {
  constexpr int kMostBroken = 1000;  // in a row; some demuxers never get past what they cannot read
  for (int broken = 0;;) {
    av_packet_unref(&packet);
    if (stop_.stop_requested()) return Error{ErrorCode::kCancelled, "reading the video was stopped", Stage::kRead};
    const int code = av_read_frame(format_, &packet);
    if (code == AVERROR_EOF) return Error{ErrorCode::kNotFound, "the stream has ended", Stage::kRead};
    // A broken packet in the middle: the demuxer finds the next one.
    if (code == AVERROR_INVALIDDATA && format_->pb != nullptr && avio_feof(format_->pb) == 0 && ++broken < kMostBroken)
      continue;
    if (code < 0) return error_of(code, "cannot read the video", format_->url != nullptr ? format_->url + 5 : "");
    if (packet.stream_index == stream_) return {};
  }
}

VideoInfo OpenedFile::info() {
  const AVCodecParameters& parameters = *stream().codecpar;
  VideoInfo info;
  info.container = format_->iformat->name;
  info.codec = avcodec_get_name(parameters.codec_id);
  info.width = parameters.width;
  info.height = parameters.height;
  info.orientation = orientation_of(stream());
  info.time_base = {stream().time_base.num, stream().time_base.den};
  const AVRational rate = stream().avg_frame_rate.num > 0 ? stream().avg_frame_rate : stream().r_frame_rate;
  if (rate.num > 0 && rate.den > 0) info.frames_per_s = av_q2d(rate);
  if (stream().duration > 0) {
    info.duration_s = info.time_base.seconds(stream().duration);
  } else if (format_->duration > 0) {
    info.duration_s = static_cast<double>(format_->duration) / AV_TIME_BASE;
  }
  info.claimed_frames = stream().nb_frames;
  if (const AVPixFmtDescriptor* pixels = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(parameters.format))) {
    info.bits = pixels->comp[0].depth;
    const bool gray = pixels->nb_components < 3;
    info.chroma_horizontal = gray ? 0 : 1 << pixels->log2_chroma_w;
    info.chroma_vertical = gray ? 0 : 1 << pixels->log2_chroma_h;
  }
  info.matrix = matrix_of(parameters.color_space);
  info.full_range = parameters.color_range == AVCOL_RANGE_JPEG;
  info.hdr = parameters.color_trc == AVCOL_TRC_SMPTE2084 || parameters.color_trc == AVCOL_TRC_ARIB_STD_B67;
  info.has_b_frames = parameters.video_delay > 0;
  // Decoders that look at AVCodecContext::skip_loop_filter; VP9's and AV1's do not.
  info.can_skip_deblocking = parameters.codec_id == AV_CODEC_ID_H264 || parameters.codec_id == AV_CODEC_ID_HEVC ||
                             parameters.codec_id == AV_CODEC_ID_VP8;
  info.max_scale_denominator = 1 << std::min<int>(decoder_->max_lowres, 2);
  if (format_->pb != nullptr) info.file_bytes = std::max<std::int64_t>(0, avio_size(format_->pb));
  return info;
}

}  // namespace smol
