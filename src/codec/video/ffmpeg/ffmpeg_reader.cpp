#include "codec/video/ffmpeg/ffmpeg_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/video/ffmpeg/frame_planes.h"

namespace smol {
namespace {

Error no_memory() { return Error{ErrorCode::kOutOfMemory, "no memory to decode the video", Stage::kDecode}; }

AVDiscard discard_of(VideoFidelity::Deblocking deblocking) {
  switch (deblocking) {
    case VideoFidelity::Deblocking::kReferenceOnly:
      return AVDISCARD_NONREF;
    case VideoFidelity::Deblocking::kNone:
      return AVDISCARD_ALL;
    case VideoFidelity::Deblocking::kAll:
      break;
  }
  return AVDISCARD_DEFAULT;
}

std::optional<std::int64_t> number_of_time(const VideoIndex& index, std::int64_t pts) {
  const auto found = std::lower_bound(index.frames.begin(), index.frames.end(), pts,
                                      [](const VideoFrame& frame, std::int64_t value) { return frame.pts < value; });
  if (found == index.frames.end() || found->pts != pts) return std::nullopt;
  return found - index.frames.begin();
}

}  // namespace

struct FfmpegReader::Request {
  const VideoIndex& index;
  std::span<const std::int64_t> frames;
  const VideoReadOptions& options;
  FrameConsumer& consumer;
  std::size_t next = 0;   ///< of `frames`
  bool finished = false;  ///< the consumer has enough
  [[nodiscard]] bool done() const { return finished || next == frames.size(); }
};

FfmpegReader::FfmpegReader(std::string path, std::unique_ptr<OpenedFile> file)
    : path_(std::move(path)), file_(std::move(file)), packet_(av_packet_alloc()), frame_(av_frame_alloc()) {}

Status FfmpegReader::prepare(const VideoReadOptions& options) {
  if (!packet_ || !frame_) return no_memory();
  // Only H.264: others gain nothing by it, and FFmpeg's MPEG-4 decoder aborts the process on some broken streams then.
  const bool gives_up = options.fail_on >= FailOn::kError && file_->decoder()->id == AV_CODEC_ID_H264;
  if (codec_ && fidelity_ == options.fidelity && threads_ == options.threads && gives_up_ == gives_up &&
      max_pixels_ == options.limits.max_pixels)
    return {};
  const AVCodec* const decoder = file_->decoder();
  CodecPointer codec(avcodec_alloc_context3(decoder));
  if (!codec || avcodec_parameters_to_context(codec.get(), file_->stream().codecpar) < 0) return no_memory();
  int lowres = 0;
  while ((1 << lowres) < options.fidelity.scale_denominator) ++lowres;
  if (lowres > decoder->max_lowres || (1 << lowres) != options.fidelity.scale_denominator) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{} cannot be decoded at reduced resolution beyond 1/{}: 1/{}", decoder->name,
                             1 << decoder->max_lowres, options.fidelity.scale_denominator),
                 Stage::kDecode};
  }
  codec->pkt_timebase = file_->stream().time_base;
  codec->lowres = lowres;
  codec->skip_loop_filter = discard_of(options.fidelity.deblocking);
  codec->thread_count = std::max(1, options.threads);
  codec->thread_type = codec->thread_count > 1 ? FF_THREAD_FRAME : 0;
  codec->max_pixels = options.limits.max_pixels;
  // Damaged frames come out as well, marked: what is lost shifts no number, and the same frames are counted whoever asks.
  codec->flags |= AV_CODEC_FLAG_OUTPUT_CORRUPT;
  if (gives_up) codec->err_recognition = AV_EF_CRCCHECK | AV_EF_BITSTREAM | AV_EF_BUFFER | AV_EF_EXPLODE;
  if (const int code = avcodec_open2(codec.get(), decoder, nullptr); code < 0)
    return Error{ErrorCode::kUnsupported,
                 fmt::format("cannot start the decoder {}: {}", decoder->name, ffmpeg_message(code)), Stage::kDecode};
  codec_ = std::move(codec);
  fidelity_ = options.fidelity;
  threads_ = options.threads;
  gives_up_ = gives_up;
  max_pixels_ = options.limits.max_pixels;
  // What was decoded so far is in the decoder that is gone.
  if (started_group_ >= 0) {
    started_group_ = -1;
    return rewind();
  }
  return {};
}

Status FfmpegReader::rewind() {
  SMOL_ASSIGN_OR_RETURN(file_, OpenedFile::open(path_, stop_));
  next_packet_ = 0;
  packet_is_waiting_ = false;
  return {};
}

Status FfmpegReader::go_to(const VideoIndex& index, std::int64_t group) {
  const VideoGroup& wanted = index.groups[static_cast<std::size_t>(group)];
  avcodec_flush_buffers(codec_.get());
  drained_until_ = -1;
  num_output_ = 0;
  last_number_ = -1;
  skipped_.clear();
  damaged_packet_.reset();
  started_group_ = group;
  if (next_packet_ == wanted.packet) return {};
  packet_is_waiting_ = false;
  // Demuxers land where their own index says; the packet's own time tells whether that was far enough back.
  if (group > 0 && av_seek_frame(&file_->format(), file_->stream().index, wanted.dts, AVSEEK_FLAG_BACKWARD) >= 0) {
    const std::int64_t pts = wanted.first_frame >= 0 ? index.frames[wanted.first_frame].pts : AV_NOPTS_VALUE;
    for (;;) {
      Status got = file_->next_packet(*packet_);
      if (!got.ok() && got.error().code != ErrorCode::kNotFound) return got;
      if (!got.ok()) break;
      const bool same_time = packet_->dts != AV_NOPTS_VALUE ? packet_->dts == wanted.dts : packet_->pts == wanted.dts;
      if (same_time && (packet_->flags & AV_PKT_FLAG_KEY) != 0 && (pts == AV_NOPTS_VALUE || packet_->pts == pts)) {
        next_packet_ = wanted.packet;
        packet_is_waiting_ = true;
        return {};
      }
      if (packet_->dts != AV_NOPTS_VALUE && packet_->dts > wanted.dts) break;
    }
  }
  SMOL_RETURN_IF_ERROR(rewind());
  while (next_packet_ < wanted.packet) {
    SMOL_RETURN_IF_ERROR(file_->next_packet(*packet_));
    ++next_packet_;
  }
  return {};
}

bool FfmpegReader::may_be_skipped(const Request& request, const AVPacket& packet) {
  if (!request.index.timed || packet.pts == AV_NOPTS_VALUE) return false;
  const std::optional<std::int64_t> number = number_of_time(request.index, packet.pts);
  if (!number || std::binary_search(request.frames.begin(), request.frames.end(), *number)) return false;
  skipped_.insert(*number);
  return true;
}

bool FfmpegReader::may_drain(const Request& request) const {
  const VideoIndex& index = request.index;
  if (!index.timed || request.next + 1 >= request.frames.size()) return false;
  // Each packet is a frame: a half would come out without the other.
  if (static_cast<std::int64_t>(index.frames.size()) != index.num_packets) return false;
  const std::int64_t frame = request.frames[request.next];
  if (next_packet_ <= index.frames[static_cast<std::size_t>(frame)].packet) return false;
  return choose_seek(index, request.frames[request.next + 1], next_packet_, request.options.seek).seek;
}

void FfmpegReader::drain(std::int64_t number) {
  drained_until_ = number;
  avcodec_send_packet(codec_.get(), nullptr);
}

Status FfmpegReader::feed(Request& request) {
  if (may_drain(request)) {
    drain(request.frames[request.next] + 1);
    return {};
  }
  if (!packet_is_waiting_) {
    Status got = file_->next_packet(*packet_);
    if (!got.ok() && got.error().code != ErrorCode::kNotFound) return got;
    if (!got.ok()) {
      drain(static_cast<std::int64_t>(request.index.frames.size()));
      return {};
    }
  }
  packet_is_waiting_ = false;
  ++next_packet_;
  // Frames that nobody wants and that no other depends on are not decoded: the others stay as they are.
  codec_->skip_frame = may_be_skipped(request, *packet_) ? AVDISCARD_NONREF : AVDISCARD_DEFAULT;
  const int code = avcodec_send_packet(codec_.get(), packet_.get());
  av_packet_unref(packet_.get());
  if (code == AVERROR(ENOMEM)) return no_memory();
  // A broken packet costs its frames, which will be missing.
  if (code < 0) note_damage(request);
  return {};
}

Result<bool> FfmpegReader::receive(Request& request) {
  const int code = avcodec_receive_frame(codec_.get(), frame_.get());
  if (code == AVERROR(EAGAIN) || code == AVERROR_EOF) return false;
  if (code == AVERROR(ENOMEM)) return no_memory();
  if (code < 0) {  // its frame will be missing
    note_damage(request);
    return true;
  }
  const std::int64_t count = num_output_++;
  const std::int64_t pts = frame_->pts != AV_NOPTS_VALUE ? frame_->pts : frame_->best_effort_timestamp;
  const std::optional<std::int64_t> number = request.index.timed ? number_of_time(request.index, pts) : count;
  if (!number || *number >= static_cast<std::int64_t>(request.index.frames.size())) return true;
  last_number_ = *number;
  SMOL_RETURN_IF_ERROR(settle_missing(request, *number));
  // Asked of all, as others may lean on one that nobody wants.
  const bool damaged = is_damaged(request, *number);
  if (!request.done() && request.frames[request.next] == *number) SMOL_RETURN_IF_ERROR(deliver(request, *number, damaged));
  return true;
}

/// What was fed last could not be decoded. In a stream without times no frame is known by its packet: all that follow.
void FfmpegReader::note_damage(const Request& request) {
  const std::int64_t packet = request.index.timed ? next_packet_ - 1 : num_output_ - 1;
  damaged_packet_ = std::min(packet, damaged_packet_.value_or(packet));
}

bool FfmpegReader::is_damaged(const Request& request, std::int64_t number) {
  const VideoFrame& frame = request.index.frames[static_cast<std::size_t>(number)];
  if ((frame_->flags & AV_FRAME_FLAG_CORRUPT) != 0 || frame_->decode_error_flags != 0) {
    if (frame.reference) damaged_packet_ = std::min(frame.packet, damaged_packet_.value_or(frame.packet));
    return true;
  }
  if (!damaged_packet_ || frame.packet <= *damaged_packet_) return false;
  if (frame_->key_frame == 0) return true;
  damaged_packet_.reset();
  return false;
}

Status FfmpegReader::deliver(Request& request, std::int64_t number, bool damaged) {
  if (damaged && can_retry(request, number)) return go_to(request.index, started_group_ - 1);
  Result<FramePlanes> planes = Error{ErrorCode::kCorrupt, "the frame is damaged", Stage::kDecode};
  if (!damaged || request.options.fail_on == FailOn::kNone) planes = planes_of(*frame_, request.index.info);
  ++request.next;
  request.finished = !request.consumer.frame(number, planes);
  return {};
}

bool FfmpegReader::can_retry(const Request& request, std::int64_t number) const {
  // After a seek the first frames may lean on what lies before the group. A second time would bring nothing new.
  return started_group_ > 0 && started_group_ >= request.index.group_of(number);
}

Status FfmpegReader::settle_missing(Request& request, std::int64_t number) {
  while (!request.done() && request.frames[request.next] < number) {
    const std::int64_t missing = request.frames[request.next];
    if (can_retry(request, missing)) return go_to(request.index, started_group_ - 1);
    ++request.next;
    request.finished = !request.consumer.frame(
        missing, Error{ErrorCode::kCorrupt, "the frame cannot be decoded from what is there", Stage::kDecode});
  }
  return {};
}

Status FfmpegReader::read(const VideoIndex& index, std::span<const std::int64_t> frames, const VideoReadOptions& options,
                          FrameConsumer& consumer) {
  const auto num_frames = static_cast<std::int64_t>(index.frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i] >= 0 && frames[i] < num_frames && (i == 0 || frames[i] > frames[i - 1])) continue;
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("frames must ascend and lie in 0..{}: {}", num_frames - 1, frames[i]), Stage::kDecode};
  }
  stop_ = options.stop;
  file_->set_stop(stop_);
  SMOL_RETURN_IF_ERROR(prepare(options));
  Request request{index, frames, options, consumer};
  std::size_t looked_at = frames.size();  // the frame for which going on or seeking was chosen
  while (!request.done()) {
    if (looked_at != request.next) {
      looked_at = request.next;
      const std::int64_t frame = frames[request.next];
      // What was passed does not come again.
      const bool begins = started_group_ < 0 || frame <= last_number_ || drained_until_ >= 0 || skipped_.contains(frame) ||
                          started_group_ > index.group_of(frame);
      const SeekChoice choice = choose_seek(index, frame, begins ? -1 : next_packet_, options.seek);
      if (begins || choice.seek) SMOL_RETURN_IF_ERROR(go_to(index, choice.seek ? choice.group : 0));
    }
    SMOL_ASSIGN_OR_RETURN(const bool more, receive(request));
    if (more || request.done()) continue;
    if (drained_until_ < 0) {
      SMOL_RETURN_IF_ERROR(feed(request));
      continue;
    }
    // All has come out: what is still wanted of it is not there.
    SMOL_RETURN_IF_ERROR(settle_missing(request, drained_until_));
  }
  return {};
}

Result<std::int64_t> FfmpegReader::count_frames() {
  VideoReadOptions options;
  SMOL_RETURN_IF_ERROR(prepare(options));
  started_group_ = 0;
  for (std::int64_t count = 0;;) {
    const int code = avcodec_receive_frame(codec_.get(), frame_.get());
    if (code >= 0) ++count;
    if (code == AVERROR_EOF) return count;
    if (code != AVERROR(EAGAIN)) continue;
    Status got = file_->next_packet(*packet_);
    avcodec_send_packet(codec_.get(), got.ok() ? packet_.get() : nullptr);
    if (!got.ok() && got.error().code != ErrorCode::kNotFound) return got.error();
  }
}

}  // namespace smol
