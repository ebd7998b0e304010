#pragma once
#include <unordered_set>

#include "codec/video/ffmpeg/opened_file.h"
#include "codec/video/video_index.h"

namespace smol {

/// Decodes chosen frames of one file, going on where it is or seeking, whichever decodes less.
class FfmpegReader final : public VideoReader {
 public:
  /// `file` is at its beginning.
  FfmpegReader(std::string path, std::unique_ptr<OpenedFile> file);
  Status read(const VideoIndex& index, std::span<const std::int64_t> frames, const VideoReadOptions& options,
              FrameConsumer& consumer) override;

  /// Decodes everything and counts frames, for streams without times.
  Result<std::int64_t> count_frames();

 private:
  struct Request;

  Status prepare(const VideoReadOptions& options);
  /// To the beginning, by opening the file again.
  Status rewind();
  /// The next packet read will be that of the group.
  Status go_to(const VideoIndex& index, std::int64_t group);
  /// What is wanted below `number` will come out now, or never.
  void drain(std::int64_t number);
  /// Feeds one packet, or the end.
  Status feed(Request& request);
  /// Whether the decoder has all that the wanted frame needs and will begin elsewhere for the one after it: then it may be
  /// told that the stream ends, instead of being fed until the frame falls out.
  [[nodiscard]] bool may_drain(const Request& request) const;
  /// Takes what the decoder has finished. False when it wants more packets, or has ended.
  Result<bool> receive(Request& request);
  void note_damage(const Request& request);
  /// Whether the frame that has come out is damaged, or may lean on one that is: those up to the next whole key frame.
  bool is_damaged(const Request& request, std::int64_t number);
  /// Gives the frame that has come out to the consumer.
  Status deliver(Request& request, std::int64_t number, bool damaged);
  /// Whether a frame that did not come out whole may do so when decoding begins a group earlier.
  [[nodiscard]] bool can_retry(const Request& request, std::int64_t number) const;
  /// Frames that should have come before `number` and did not: another try from a group before, or errors.
  Status settle_missing(Request& request, std::int64_t number);
  /// Whether nobody wants the packet's frame; notes it.
  bool may_be_skipped(const Request& request, const AVPacket& packet);

  std::string path_;
  std::unique_ptr<OpenedFile> file_;
  std::stop_token stop_;  ///< of the call
  CodecPointer codec_;
  PacketPointer packet_;
  FramePointer frame_;
  VideoFidelity fidelity_;
  int threads_ = 0;
  bool gives_up_ = false;  ///< on what it could paper over
  std::int64_t max_pixels_ = 0;
  std::int64_t next_packet_ = 0;                ///< that the demuxer gives next
  std::int64_t started_group_ = -1;             ///< where decoding last began; -1: it has not
  std::int64_t num_output_ = 0;                 ///< frames since then
  std::int64_t last_number_ = -1;               ///< of the frame that came last
  std::unordered_set<std::int64_t> skipped_;    ///< frames that were not wanted, and not decoded where no other needs them
  std::optional<std::int64_t> damaged_packet_;  ///< frames of later packets may lean on it
  bool packet_is_waiting_ = false;              ///< read while looking for a group, not fed yet
  /// Frames below this number have come out or never will, as the decoder was told to give all that it has; negative: it
  /// takes packets.
  std::int64_t drained_until_ = -1;
};

}  // namespace smol
