#pragma once
extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include <memory>
#include <stop_token>
#include <string>

#include "smol/result.h"
#include "smol/video.h"

namespace smol {

/// Empty where the stream states none, or one that is not among ours.
[[nodiscard]] std::optional<ColorMatrix> matrix_of(AVColorSpace space);
/// "Invalid data found when processing input".
[[nodiscard]] std::string ffmpeg_message(int code);

struct FreePacket {
  void operator()(AVPacket* packet) const { av_packet_free(&packet); }
};
struct FreeFrame {
  void operator()(AVFrame* frame) const { av_frame_free(&frame); }
};
struct FreeCodec {
  void operator()(AVCodecContext* codec) const { avcodec_free_context(&codec); }
};
using PacketPointer = std::unique_ptr<AVPacket, FreePacket>;
using FramePointer = std::unique_ptr<AVFrame, FreeFrame>;
using CodecPointer = std::unique_ptr<AVCodecContext, FreeCodec>;

/// A file with its video stream found. Only local files are opened, and nothing that they refer to elsewhere.
class OpenedFile {
 public:
  /// kNotFound, kIo, kCorrupt; kUnsupported without a video stream or a decoder for it; kCancelled.
  static Result<std::unique_ptr<OpenedFile>> open(const std::string& path, const std::stop_token& stop);
  ~OpenedFile();
  OpenedFile(const OpenedFile&) = delete;
  OpenedFile& operator=(const OpenedFile&) = delete;

  [[nodiscard]] AVFormatContext& format() { return *format_; }
  [[nodiscard]] AVStream& stream() { return *format_->streams[stream_]; }
  [[nodiscard]] const AVCodec* decoder() const { return decoder_; }
  /// The next packet of the video stream. kNotFound at the end; kCancelled on a stop request, which is looked at each time.
  Status next_packet(AVPacket& packet);
  /// What interrupts reading from now on.
  void set_stop(const std::stop_token& stop) { stop_ = stop; }
  [[nodiscard]] VideoInfo info();

 private:
  OpenedFile() = default;
  Status find_video(const std::string& path);

  AVFormatContext* format_ = nullptr;
  int stream_ = -1;
  const AVCodec* decoder_ = nullptr;
  std::stop_token stop_;
};

}  // namespace smol
