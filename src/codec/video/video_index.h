#pragma once
#include <span>

#include "smol/video.h"

namespace smol {

/// What an index is made of: one packet of the stream, in decode order.
struct PacketFacts {
  std::optional<std::int64_t> pts, dts;
  bool key = false;
  bool discard = false;  ///< decoded for others, never shown (edit lists)
  std::int64_t bytes = 0;
  bool reference = true;
};

/// Frames in the order in which they are shown, and groups that begin at key packets. Packets that are shown must have a
/// pts: `every_frame_has_time(packets)`. kCorrupt when no packet is shown.
[[nodiscard]] Result<VideoIndex> build_index(VideoInfo info, std::span<const PacketFacts> packets);
[[nodiscard]] bool every_frame_has_time(std::span<const PacketFacts> packets);
/// The index of a stream without times: as many frames as were counted by decoding, 0, 1, 2, ... ticks of `info.time_base`;
/// one group.
[[nodiscard]] VideoIndex build_untimed_index(VideoInfo info, std::int64_t num_frames, std::span<const PacketFacts> packets);

/// Whether to seek for a wanted frame, or to decode on: the pixels that a seek spares, against what it costs.
struct SeekChoice {
  bool seek = false;
  std::int64_t group = 0;  ///< to seek to
};
/// `next_packet`: what the decoder would be given next, in one go since its last start; negative: it has not begun.
[[nodiscard]] SeekChoice choose_seek(const VideoIndex& index, std::int64_t frame, std::int64_t next_packet, bool may_seek);

}  // namespace smol
