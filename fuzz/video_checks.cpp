#include "video_checks.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

#include "codec/video/video_plug_in.h"

namespace smol::fuzzing {
namespace {

constexpr std::int64_t kMaxPixels = 1 << 20;
constexpr std::int64_t kMaxFrames = 300;  // of those that a broken index claims
/// A damaged picture may be a copy of one that it leans on: of its group of 8, or of an open group the one before.
constexpr std::int64_t kFurthestReference = 11;

/// Samples of all planes; reads each of them.
std::uint64_t digest_of(const FramePlanes& planes) {
  std::uint64_t digest = 14695981039346656037U;
  const int sample_bytes = planes.bits > 8 ? 2 : 1;
  for (int i = 0; i < (planes.chroma_horizontal == 0 ? 1 : 3); ++i) {
    const int across = i == 0 ? 1 : planes.chroma_horizontal, down = i == 0 ? 1 : planes.chroma_vertical;
    const int bytes = (planes.width + across - 1) / across * sample_bytes, height = (planes.height + down - 1) / down;
    for (int y = 0; y < height; ++y) {
      const std::uint8_t* const row = planes.data[i] + y * planes.stride_bytes[i];
      for (int x = 0; x < bytes; ++x) digest = (digest ^ row[x]) * 1099511628211U;
    }
  }
  return digest;
}

std::string check_index(const VideoIndex& index) {
  if (index.frames.empty() || index.groups.empty()) return "an index without frames or groups";
  const auto num_packets = index.num_packets;
  for (std::size_t i = 0; i < index.frames.size(); ++i) {
    if (i > 0 && index.frames[i].pts <= index.frames[i - 1].pts) return "frames do not ascend";
    if (index.frames[i].packet < 0 || index.frames[i].packet >= num_packets) return "a frame without a packet";
    const std::int64_t group = index.group_of(static_cast<std::int64_t>(i));
    if (group < 0 || group >= static_cast<std::int64_t>(index.groups.size())) return "a frame without a group";
  }
  std::int64_t packet = 0;
  for (const VideoGroup& group : index.groups) {
    if (group.packet != packet || group.num_packets <= 0) return "groups do not follow each other";
    packet += group.num_packets;
  }
  return packet == num_packets ? "" : "groups do not hold all packets";
}

/// Requests a stop after a second.
class Deadline {
 public:
  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any over_;
  std::jthread waiter_{[this](const std::stop_token& ended) {
    std::unique_lock lock(mutex_);
    if (!over_.wait_for(lock, ended, std::chrono::seconds(1), [] { return false; }) && !ended.stop_requested())
      stop_.request_stop();
  }};
};

}  // namespace

/// What came out of one read(), and whether it was as it must be.
struct VideoChecks::Reading final : FrameConsumer {
  explicit Reading(std::vector<std::int64_t> frames) : wanted(std::move(frames)) {}

  bool frame(std::int64_t number, const Result<FramePlanes>& planes) override {
    if (next >= wanted.size() || wanted[next] != number) {
      violation = "a frame that was not asked for, or not in order";
      return false;
    }
    ++next;
    if (!planes.ok()) {
      if (planes.error().message.empty()) violation = "an error without a message";
      return true;
    }
    const bool is_picture = planes->width > 0 && planes->height > 0 && planes->data[0] != nullptr && planes->bits >= 8 &&
                            std::int64_t{planes->width} * planes->height <= kMaxPixels;
    if (!is_picture) {
      violation = "planes without a picture, or with more pixels than allowed";
      return false;
    }
    digests[number] = digest_of(*planes);
    return true;
  }

  const std::vector<std::int64_t> wanted;
  std::size_t next = 0;
  std::map<std::int64_t, std::uint64_t> digests;
  std::string violation;
};

VideoChecks::VideoChecks() : library_(smol_create_video_library_v1()), file_(memfd_create("clip", MFD_CLOEXEC)) {
  if (file_ < 0) throw std::runtime_error("no file in memory");
  path_ = "/proc/self/fd/" + std::to_string(file_);
}

VideoChecks::~VideoChecks() { close(file_); }

std::string VideoChecks::learn(ByteView clip) {
  known_frames_.clear();
  known_pictures_.clear();
  const std::int64_t refused = num_frames_refused_ + num_files_refused_;
  if (std::string violation = read(clip, 1); !violation.empty()) return violation;
  if (num_frames_refused_ + num_files_refused_ != refused) return "an intact clip is refused";
  const auto index = library_->index(path_);
  Reading all([&] {
    std::vector<std::int64_t> numbers(index->frames.size());
    for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i);
    return numbers;
  }());
  const auto reader = library_->open(path_);
  if (!(*reader)->read(*index, all.wanted, {}, all).ok()) return "an intact clip is not read";
  for (const auto& [number, digest] : all.digests) known_pictures_[digest] = number;
  if (known_pictures_.size() != index->frames.size()) return "two frames of the clip are the same";
  known_frames_ = index->frames;
  return "";
}

std::string VideoChecks::read_file(std::uint32_t choices, const std::stop_token& stop) {
  std::mt19937 random(choices);
  const auto index = library_->index(path_, stop);
  const auto no_message = [](const Error& error) { return error.message.empty() ? "an error without a message" : ""; };
  if (!index.ok()) {
    ++num_files_refused_;
    return no_message(index.error());
  }
  if (std::string violation = check_index(*index); !violation.empty()) return violation;
  const auto num_frames = std::min<std::int64_t>(kMaxFrames, static_cast<std::int64_t>(index->frames.size()));
  std::vector<std::int64_t> numbers, some;
  for (std::int64_t number = 0; number < num_frames; ++number) {
    numbers.push_back(number);
    if (random() % 4 == 0) some.push_back(number);
  }
  const auto reader = library_->open(path_);
  if (!reader.ok()) return no_message(reader.error());
  VideoReadOptions options;
  options.stop = stop;
  options.limits.max_pixels = kMaxPixels;
  options.threads = random() % 8 == 0 ? 2 : 1;
  options.fail_on = static_cast<FailOn>(random() % 4);
  if (random() % 4 == 0) options.fidelity.deblocking = VideoFidelity::Deblocking::kNone;
  for (const std::vector<std::int64_t>& wanted : {numbers, some}) {
    Reading reading(wanted);
    const Status status = (*reader)->read(*index, wanted, options, reading);
    if (!reading.violation.empty()) return reading.violation;
    if (!status.ok()) return no_message(status.error());
    if (reading.next != wanted.size()) return "success without all frames";
    num_frames_read_ += static_cast<std::int64_t>(reading.digests.size());
    num_frames_refused_ += static_cast<std::int64_t>(wanted.size() - reading.digests.size());
    // Without times, frames are what stands in the file, and a mutation may have copied some.
    if (!index->timed || index->frames != known_frames_ || options.fidelity.deblocking != VideoFidelity::Deblocking::kAll)
      continue;
    for (const auto& [number, digest] : reading.digests) {
      const auto known = known_pictures_.find(digest);
      if (known != known_pictures_.end() && std::abs(known->second - number) > kFurthestReference)
        return "frame " + std::to_string(known->second) + " is given as " + std::to_string(number);
    }
  }
  return "";
}

std::string VideoChecks::read(ByteView bytes, std::uint32_t choices) {
  if (ftruncate(file_, 0) != 0 || pwrite(file_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return "the file in memory cannot be written";
  const Deadline deadline;
  return read_file(choices, deadline.token());
}

}  // namespace smol::fuzzing
