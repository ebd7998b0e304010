#include "source/videos.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>

#include "base/unknown_word.h"
#include "source/index_cache.h"

namespace smol {
namespace {

using Video = Dataset::Rendition::Video;

// A unit is at least so many packets long: small groups together, so that a seek is not the better part of the work.
constexpr std::int64_t kLeastPackets = 16;

template <typename Number>
bool parse_whole(std::string_view text, Number& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} && end == text.data() + text.size();
}

/// "video.mp4#120" of a video that `rendition` has.
struct FrameName {
  const Video* video = nullptr;
  std::string key;
  std::int64_t pts = 0;
};
std::optional<FrameName> parse_frame_name(const Dataset::Rendition& rendition, const std::string& id) {
  const std::size_t mark = id.rfind('#');
  if (mark == std::string::npos) return std::nullopt;
  FrameName name{nullptr, id.substr(0, mark), 0};
  const auto found = rendition.videos.find(name.key);
  if (found == rendition.videos.end() || !parse_whole(std::string_view(id).substr(mark + 1), name.pts)) return std::nullopt;
  name.video = &found->second;
  return name;
}

double seconds_of(const VideoIndex& index, std::size_t frame) {
  // A stream without times is taken to be even.
  if (!index.timed && index.info.frames_per_s > 0) return static_cast<double>(frame) / index.info.frames_per_s;
  return index.info.time_base.seconds(index.frames[frame].pts - index.frames.front().pts);
}

std::optional<std::size_t> frame_of_pts(const VideoIndex& index, std::int64_t pts) {
  const auto found = std::lower_bound(index.frames.begin(), index.frames.end(), pts,
                                      [](const VideoFrame& frame, std::int64_t value) { return frame.pts < value; });
  if (found == index.frames.end() || found->pts != pts) return std::nullopt;
  return static_cast<std::size_t>(found - index.frames.begin());
}

/// The frame nearest to a time since the first; none if it is further off than half of the time between frames there.
std::optional<std::size_t> frame_of_time(const VideoIndex& index, double seconds) {
  const std::size_t count = index.frames.size();
  std::size_t low = 0, high = count;  // the first frame that is not earlier
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    seconds_of(index, middle) < seconds ? low = middle + 1 : high = middle;
  }
  const auto distance = [&](std::size_t frame) { return std::abs(seconds_of(index, frame) - seconds); };
  std::size_t nearest = std::min(low, count - 1);
  if (nearest > 0 && distance(nearest - 1) < distance(nearest)) --nearest;
  const std::size_t neighbour = nearest + 1 < count ? nearest + 1 : nearest - 1;
  const double apart = count > 1 ? std::abs(seconds_of(index, neighbour) - seconds_of(index, nearest)) : 1;
  if (distance(nearest) > apart / 2) return std::nullopt;
  return nearest;
}

}  // namespace

bool has_video_extension(const std::string& path) {
  static constexpr std::array<std::string_view, 24> kExtensions{
      ".mp4", ".m4v", ".mov", ".mkv",  ".webm", ".avi", ".ts",   ".m2ts", ".mts",  ".mpg", ".mpeg",  ".flv",
      ".wmv", ".ogv", ".3gp", ".h264", ".264",  ".avc", ".h265", ".265",  ".hevc", ".ivf", ".mjpeg", ".vob"};
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::string to_string(const FrameSampling& sampling) {
  if (sampling.key_only) return "key";
  if (sampling.reference_only) return "reference";
  if (sampling.per_second > 0) return fmt::format("rate:{:g}", sampling.per_second);
  return sampling.every == 1 ? "all" : fmt::format("every:{}", sampling.every);
}

Result<FrameSampling> parse_frame_sampling(std::string_view text) {
  FrameSampling sampling;
  if (text == "all") return sampling;
  sampling.key_only = text == "key";
  sampling.reference_only = text == "reference";
  if (sampling.key_only || sampling.reference_only) return sampling;
  const std::size_t colon = text.find(':');
  const std::string_view kind = text.substr(0, colon);
  const std::string_view number = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
  if (kind == "every" && parse_whole(number, sampling.every) && sampling.every >= 1) return sampling;
  if (kind == "rate" && parse_whole(number, sampling.per_second) && sampling.per_second > 0 &&
      std::isfinite(sampling.per_second))
    return sampling;
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("frames are sampled by all, every:K (a whole number from 1), rate:R (a second, more than 0), "
                           "key or reference: '{}'",
                           text)};
}

std::vector<std::int64_t> sample_frames(const VideoIndex& index, const FrameSampling& sampling) {
  std::vector<std::int64_t> frames;
  const auto count = static_cast<std::int64_t>(index.frames.size());
  if (sampling.per_second > 0) {
    constexpr double kSameMoment = 1e-6;  // sums of ticks are not exact in seconds
    double wanted = 0;                    // number of the next moment
    for (std::int64_t frame = 0; frame < count; ++frame) {
      // A frame is shown until the next one comes: it stands for the moments in between.
      const double until = frame + 1 < count ? seconds_of(index, static_cast<std::size_t>(frame) + 1)
                                             : std::numeric_limits<double>::infinity();
      const double at = wanted / sampling.per_second;
      const bool is_last = frame + 1 == count;
      if (at + kSameMoment >= until || (is_last && at > seconds_of(index, static_cast<std::size_t>(frame)) + kSameMoment))
        continue;
      frames.push_back(frame);
      wanted = is_last ? wanted + 1 : std::max(wanted + 1, std::ceil((until - kSameMoment) * sampling.per_second));
    }
    return frames;
  }
  for (std::int64_t frame = 0; frame < count; frame += sampling.every) {
    const VideoFrame& facts = index.frames[static_cast<std::size_t>(frame)];
    if ((!sampling.key_only || facts.key) && (!sampling.reference_only || facts.reference)) frames.push_back(frame);
  }
  return frames;
}

Result<std::map<std::string, Video>> index_videos(const std::map<std::string, Result<std::string>>& paths,
                                                  const DatasetOptions& options) {
  std::map<std::string, Video> videos;
  const Result<const VideoLibrary*> library = video_library();
  for (const auto& [key, path] : paths) {
    Video& video = videos[key];
    if (!path.ok()) {
      video.error = path.error();
      continue;
    }
    video.path = *path;
    if (!library.ok()) {
      video.error = library.error();
      continue;
    }
    Result<VideoIndex> index = index_of_video(**library, *path, options.index_folder, options.stop);
    if (index.ok()) {
      video.index = std::make_shared<const VideoIndex>(*std::move(index));
    } else if (index.error().code == ErrorCode::kCancelled) {
      return std::move(index).error();
    } else {
      video.error = std::move(index).error();
    }
  }
  return videos;
}

std::vector<std::string> frame_ids(const Dataset::Rendition& rendition, const FrameSampling& sampling) {
  std::vector<std::string> ids;
  for (const auto& [key, video] : rendition.videos) {
    if (!video.index) {
      ids.push_back(key);
      continue;
    }
    for (const std::int64_t frame : sample_frames(*video.index, sampling))
      ids.push_back(fmt::format("{}#{}", key, video.index->frames[static_cast<std::size_t>(frame)].pts));
  }
  return ids;
}

bool place_in_video(const Dataset::Rendition& reference, const Dataset::Rendition& rendition, Item& item) {
  if (const auto unread = reference.videos.find(item.id); unread != reference.videos.end()) {
    item.error = unread->second.error;
    return true;
  }
  const std::optional<FrameName> name = parse_frame_name(reference, item.id);
  if (!name) return false;
  const auto found = rendition.videos.find(name->key);
  if (found == rendition.videos.end() || !found->second.index) {
    item.error =
        found != rendition.videos.end() && found->second.error
            ? *found->second.error
            : Error{ErrorCode::kNotFound, fmt::format("rendition '{}' has no video for item '{}'", rendition.name, item.id),
                    Stage::kRead};
    return true;
  }
  const VideoIndex& own = *name->video->index;
  std::optional<std::size_t> frame = frame_of_pts(own, name->pts);
  if (frame && &rendition != &reference) frame = frame_of_time(*found->second.index, seconds_of(own, *frame));
  if (!frame) {
    item.error =
        Error{ErrorCode::kNotFound,
              fmt::format("the video has no frame of this time: item '{}', {}", item.id, found->second.path), Stage::kRead};
    return true;
  }
  item.path = found->second.path;
  item.video = found->second.index;
  item.frame = static_cast<std::int64_t>(*frame);
  return true;
}

std::optional<Size> frame_size_of(const Dataset::Rendition& reference, const std::string& item_id) {
  const std::optional<FrameName> name = parse_frame_name(reference, item_id);
  if (!name || !name->video->index) return std::nullopt;
  return frame_header(*name->video->index).oriented_size();
}

std::size_t unit_end(std::span<const Item> items, std::size_t begin) {
  std::size_t end = begin + 1;
  const VideoIndex* const video = items[begin].video.get();
  if (video == nullptr || items[begin].error) return end;
  const auto belongs = [&](const Item& item, const Item& before) {
    return item.video.get() == video && !item.error && item.frame > before.frame;
  };
  if (!video->seekable) {
    while (end < items.size() && belongs(items[end], items[end - 1])) ++end;
    return end;
  }
  std::int64_t packets = 0;
  std::int64_t group = video->group_of(items[begin].frame);
  packets += video->groups[static_cast<std::size_t>(group)].num_packets;
  for (; end < items.size() && belongs(items[end], items[end - 1]); ++end) {
    const std::int64_t next = video->group_of(items[end].frame);
    if (next == group) continue;
    if (packets >= kLeastPackets) break;
    group = next;
    packets += video->groups[static_cast<std::size_t>(group)].num_packets;
  }
  return end;
}

std::string location_of(const Item& item) {
  if (!item.video) return item.path;
  return fmt::format("{}#{}", item.path, item.video->frames[static_cast<std::size_t>(item.frame)].pts);
}

}  // namespace smol
