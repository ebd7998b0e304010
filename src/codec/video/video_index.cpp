#include "codec/video/video_index.h"

#include <fmt/format.h>

#include <algorithm>

namespace smol {
namespace {

/// A seek flushes the decoder and reads again what the demuxer had buffered, which takes as long as decoding about this many
/// pixels: 0.1 ms in MP4 and Matroska, 0.4 ms in transport streams.
constexpr std::int64_t kSeekPixels = 50'000;

}  // namespace

bool every_frame_has_time(std::span<const PacketFacts> packets) {
  return std::all_of(packets.begin(), packets.end(),
                     [](const PacketFacts& packet) { return packet.discard || packet.pts.has_value(); });
}

Result<VideoIndex> build_index(VideoInfo info, std::span<const PacketFacts> packets) {
  VideoIndex index;
  index.info = std::move(info);
  index.num_packets = static_cast<std::int64_t>(packets.size());
  std::vector<VideoFrame>& frames = index.frames;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    if (!packets[i].discard && packets[i].pts)
      frames.push_back({*packets[i].pts, static_cast<std::int64_t>(i), packets[i].key, packets[i].reference});
  }
  if (frames.empty()) return Error{ErrorCode::kCorrupt, "the stream has no frames", Stage::kDecode};
  std::stable_sort(frames.begin(), frames.end(), [](const VideoFrame& a, const VideoFrame& b) { return a.pts < b.pts; });
  // Two packets of one time are two halves of a frame.
  frames.erase(
      std::unique(frames.begin(), frames.end(), [](const VideoFrame& a, const VideoFrame& b) { return a.pts == b.pts; }),
      frames.end());
  std::vector<std::int64_t> number_of_packet(packets.size(), -1);
  for (std::size_t i = 0; i < frames.size(); ++i) number_of_packet[frames[i].packet] = static_cast<std::int64_t>(i);
  for (std::size_t i = 0; i < packets.size(); ++i) {
    const PacketFacts& packet = packets[i];
    if (i == 0 || packet.key) {
      // A key packet that is not shown still starts a group; the frames after it are told by their packets.
      const std::int64_t first = number_of_packet[i];
      index.groups.push_back({static_cast<std::int64_t>(i), packet.dts.value_or(packet.pts.value_or(0)), first, 0, 0});
      index.seekable = index.seekable && (i == 0 || packet.dts || packet.pts);
    }
    ++index.groups.back().num_packets;
    index.groups.back().bytes += packet.bytes;
  }
  return index;
}

VideoIndex build_untimed_index(VideoInfo info, std::int64_t num_frames, std::span<const PacketFacts> packets) {
  VideoIndex index;
  index.info = std::move(info);
  index.num_packets = static_cast<std::int64_t>(packets.size());
  index.seekable = false;
  index.timed = false;
  VideoGroup group{0, 0, 0, index.num_packets, 0};
  for (const PacketFacts& packet : packets) group.bytes += packet.bytes;
  index.groups.push_back(group);
  for (std::int64_t i = 0; i < num_frames; ++i) index.frames.push_back({i, std::min(i, index.num_packets - 1), i == 0});
  return index;
}

SeekChoice choose_seek(const VideoIndex& index, std::int64_t frame, std::int64_t next_packet, bool may_seek) {
  SeekChoice choice{false, index.group_of(frame)};
  if (next_packet < 0) return {index.seekable && choice.group > 0 && may_seek, choice.group};
  const std::int64_t num_spared = index.groups[choice.group].packet - next_packet;
  const std::int64_t pixels = std::max<std::int64_t>(1, std::int64_t{index.info.width} * index.info.height);
  choice.seek = may_seek && index.seekable && num_spared > 0 && num_spared > kSeekPixels / pixels;
  return choice;
}

std::int64_t VideoIndex::group_of(std::int64_t frame) const {
  const std::int64_t packet = frames.at(static_cast<std::size_t>(frame)).packet;
  const auto after = std::upper_bound(groups.begin(), groups.end(), packet,
                                      [](std::int64_t value, const VideoGroup& group) { return value < group.packet; });
  auto group = static_cast<std::int64_t>(after - groups.begin()) - 1;
  // Shown before its group's key frame, but decoded after it: it may lean on the group before (open groups).
  const bool leading = group > 0 && groups[group].first_frame >= 0 && frame < groups[group].first_frame;
  return std::max<std::int64_t>(0, leading ? group - 1 : group);
}

Result<std::int64_t> VideoIndex::frame_at(double seconds) const {
  const double last = frames.empty() ? 0 : info.time_base.seconds(frames.back().pts - frames.front().pts);
  const double frame_s = info.frames_per_s > 0 ? 1 / info.frames_per_s : 0;
  if (frames.empty() || !(seconds >= 0) || seconds > last + frame_s) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no frame at this time; the last is shown at {:.6g} s: {:g} s", last, seconds)};
  }
  // Times are written with few digits: what is a hair before a frame is that frame.
  const double margin_s = std::min(1e-6, frame_s / 4);
  const auto later =
      std::upper_bound(frames.begin(), frames.end(), seconds + margin_s, [this](double value, const VideoFrame& frame) {
        return value < info.time_base.seconds(frame.pts - frames.front().pts);
      });
  return static_cast<std::int64_t>(later - frames.begin()) - 1;
}

}  // namespace smol
