#pragma once
/// Video files: what they hold, an index of their frames, and exact frames at a chosen fidelity. Containers and bitstreams
/// are read by a plug-in (FFmpeg); which packets to decode for which frames, colour and everything after it are ours.

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "smol/codec.h"
#include "smol/image.h"
#include "smol/result.h"

namespace smol {

/// One tick in seconds is numerator / denominator.
struct TimeBase {
  std::int64_t numerator = 1, denominator = 1;
  [[nodiscard]] double seconds(std::int64_t ticks) const {
    return static_cast<double>(ticks) * static_cast<double>(numerator) / static_cast<double>(denominator);
  }
  friend bool operator==(const TimeBase&, const TimeBase&) = default;
};

/// What is true of a whole video stream, as its container and codec tell it.
struct VideoInfo {
  std::string container, codec;                    ///< "mov,mp4,m4a,3gp,3g2,mj2", "h264"
  int width = 0, height = 0;                       ///< of a frame as it is cropped for display, before the orientation
  Orientation orientation = Orientation::kNormal;  ///< from the display matrix
  TimeBase time_base;
  double frames_per_s = 0;          ///< mean, as the container claims it; 0 = unknown
  double duration_s = 0;            ///< as the container claims it; 0 = unknown
  std::int64_t claimed_frames = 0;  ///< as the container claims; often wrong; 0 = no claim
  int bits = 8;
  int chroma_horizontal = 2, chroma_vertical = 2;  ///< subsampling factors; 0, 0: gray
  /// What the stream is tagged with; absent: untagged, and taken for BT.601, as FFmpeg's converter does whatever the size.
  std::optional<ColorMatrix> matrix;
  bool full_range = false;
  bool hdr = false;  ///< PQ or HLG transfer: shown on an ordinary screen it looks washed out
  bool has_b_frames = false;
  bool can_skip_deblocking = false;  ///< the decoder takes VideoFidelity::deblocking
  int max_scale_denominator = 1;     ///< the decoder takes VideoFidelity::scale_denominator up to this
  std::int64_t file_bytes = 0;
  friend bool operator==(const VideoInfo&, const VideoInfo&) = default;
};

/// One frame. Frames are numbered in the order in which they are shown.
struct VideoFrame {
  std::int64_t pts = 0;     ///< ticks of VideoInfo::time_base
  std::int64_t packet = 0;  ///< place in decode order
  bool key = false;         ///< decodes without others
  bool reference = true;    ///< others may depend on it; false only where the packet says that none does
  friend bool operator==(const VideoFrame&, const VideoFrame&) = default;
};

/// A packet from which decoding can begin, and the frames that need nothing before it.
struct VideoGroup {
  std::int64_t packet = 0;  ///< the key frame's place in decode order
  std::int64_t dts = 0;     ///< what to seek to
  std::int64_t first_frame =
      0;  ///< number of the key frame; earlier ones that come later in decode order need the group before
  std::int64_t num_packets = 0;  ///< until the next group
  std::int64_t bytes = 0;        ///< of those packets
  friend bool operator==(const VideoGroup&, const VideoGroup&) = default;
};

/// All frames of a stream, found by reading its packets without decoding them.
struct VideoIndex {
  VideoInfo info;
  std::vector<VideoFrame> frames;  ///< ascending pts
  std::vector<VideoGroup> groups;  ///< ascending packet; the first begins at packet 0 or where decoding can first begin
  std::int64_t num_packets = 0;
  /// Whether decoding can begin at groups other than the first: not so for raw streams, and where packets carry no times.
  bool seekable = true;
  bool timed = true;  ///< false: the stream tells no times, and frames were counted by decoding it: pts are 0, 1, 2, ...
  friend bool operator==(const VideoIndex&, const VideoIndex&) = default;

  /// Number of the frame that is shown at `seconds` after the first: the last that is not later. kNotFound before the first
  /// frame and after the last one's end.
  [[nodiscard]] Result<std::int64_t> frame_at(double seconds) const;
  /// The group that decoding must begin with to get a frame right.
  [[nodiscard]] std::int64_t group_of(std::int64_t frame) const;
};

/// How faithfully frames are decoded. Everything but the default changes pixels or drops frames.
struct VideoFidelity {
  using Deblocking = smol::Deblocking;
  Deblocking deblocking = Deblocking::kAll;
  int scale_denominator = 1;  ///< reduced resolution inside the decoder, where the codec has it (MPEG-4, MJPEG): 1, 2, 4
  friend bool operator==(const VideoFidelity&, const VideoFidelity&) = default;
};
/// "exact", "deblock-reference", "deblock-none", each with "+1/2" or "+1/4" for reduced resolution.
[[nodiscard]] std::string to_string(const VideoFidelity& fidelity);
[[nodiscard]] Result<VideoFidelity> parse_video_fidelity(std::string_view text);

/// Decoded samples of one frame, borrowed: planes Y, U, V (or Y alone), 8 bits a sample, or 16-bit words for more.
struct FramePlanes {
  int width = 0, height = 0;
  std::array<const std::uint8_t*, 3> data{};
  std::array<std::ptrdiff_t, 3> stride_bytes{};
  int chroma_horizontal = 2, chroma_vertical = 2;  ///< subsampling factors; 0, 0: gray
  int bits = 8;
  ColorMatrix matrix = ColorMatrix::kBt601;
  bool full_range = false;
  bool is_rgb = false;  ///< planes G, B, R
};

/// What decoding frames of such a stream can do, in the terms in which codecs are described.
[[nodiscard]] CodecCapabilities capabilities_of(const VideoInfo& info);
/// What is true of a frame, in the terms in which pictures are described; its bytes are the stream's mean.
[[nodiscard]] ImageHeader frame_header(const VideoIndex& index);

/// Receives the frames that were asked for, in ascending order, each once.
class FrameConsumer {
 public:
  virtual ~FrameConsumer() = default;
  /// `planes` is valid during the call; an error means that this frame cannot be had. False: no more are wanted.
  virtual bool frame(std::int64_t number, const Result<FramePlanes>& planes) = 0;
};

struct VideoReadOptions {
  VideoFidelity fidelity;
  int threads = 1;  ///< of the decoder: frame threads; 1 is the most economical, groups run in parallel instead
  /// Frames that are wanted but lie further apart than it costs to decode through are sought. False: always decode through.
  bool seek = true;
  /// kNone: damaged frames are given as they come out. From kError on H.264 decoders give up where they could paper over a
  /// fault.
  FailOn fail_on = FailOn::kTruncated;
  DecodeLimits limits;
  std::stop_token stop;  ///< looked at before each packet; kCancelled
};

/// An open video. Not thread-safe: one per worker.
class VideoReader {
 public:
  virtual ~VideoReader() = default;
  /// Frames by their numbers in `index` (that of this file), ascending. Damaged frames are given to the consumer as errors;
  /// an error is returned for what concerns all: kIo, kUnsupported, kCancelled, kInvalidArgument.
  virtual Status read(const VideoIndex& index, std::span<const std::int64_t> frames, const VideoReadOptions& options,
                      FrameConsumer& consumer) = 0;
};

/// What opens videos. Immutable and thread-safe.
class VideoLibrary {
 public:
  virtual ~VideoLibrary() = default;
  [[nodiscard]] virtual std::string description() const = 0;  ///< library, version, licence, for `smol info`
  /// Reads all packets of the best video stream. kUnsupported where there is none, kCorrupt, kIo.
  [[nodiscard]] virtual Result<VideoIndex> index(const std::string& path, const std::stop_token& stop = {}) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<VideoReader>> open(const std::string& path) const = 0;
};
/// The plug-in that was loaded. kUnsupported says why there is none and what to do.
[[nodiscard]] Result<const VideoLibrary*> video_library();
/// Whether the first bytes (4096 or all) look like a video file.
[[nodiscard]] bool looks_like_video(ByteView bytes);

/// What a FrameDecoder can do, for plans over frames: planes, regions, early stop.
[[nodiscard]] const CodecCapabilities& frame_capabilities();

/// A Decoder over one frame after the other, for everything that takes pictures: bytes are ignored, rows are converted to
/// RGB on their way, and only those that are wanted. Chroma is repeated, not interpolated, as FFmpeg's converter does. As
/// kYcc8Planar, planes are lent as they are; samples of more than 8 bits are rounded to 8. Keeps its memory.
class FrameDecoder : public Decoder {
 public:
  /// The frame that probe() and decode() are about from now on; `planes` must stay valid until they have returned.
  virtual void show(const FramePlanes& planes, Orientation orientation) = 0;
};
[[nodiscard]] std::unique_ptr<FrameDecoder> create_frame_decoder();
/// The same over one frame.
[[nodiscard]] std::unique_ptr<Decoder> create_frame_decoder(const FramePlanes& planes, Orientation orientation);

}  // namespace smol
