#pragma once
/// What must hold of any file whatever that is opened as a video: shared by the libFuzzer target and the mutation driver.

#include <map>
#include <memory>
#include <string>

#include "smol/video.h"

namespace smol::fuzzing {

class VideoChecks {
 public:
  VideoChecks();
  ~VideoChecks();
  VideoChecks(const VideoChecks&) = delete;
  VideoChecks& operator=(const VideoChecks&) = delete;

  /// What an intact clip gives; later calls compare with it.
  [[nodiscard]] std::string learn(ByteView clip);
  /// Indexes, then reads all frames, then some, as `choices` selects. Returns what was violated; empty when all is well.
  /// Whatever takes longer than a second is stopped, which is no violation.
  [[nodiscard]] std::string read(ByteView bytes, std::uint32_t choices);

  /// To see that mutations do not all end in the header.
  [[nodiscard]] std::int64_t num_frames_read() const { return num_frames_read_; }
  [[nodiscard]] std::int64_t num_frames_refused() const { return num_frames_refused_; }
  [[nodiscard]] std::int64_t num_files_refused() const { return num_files_refused_; }

 private:
  struct Reading;
  [[nodiscard]] std::string read_file(std::uint32_t choices, const std::stop_token& stop);

  std::unique_ptr<const VideoLibrary> library_;
  int file_ = -1;  ///< in memory
  std::string path_;
  std::vector<VideoFrame> known_frames_;
  std::map<std::uint64_t, std::int64_t> known_pictures_;  ///< number of the frame with these samples
  std::int64_t num_frames_read_ = 0, num_frames_refused_ = 0, num_files_refused_ = 0;
};

}  // namespace smol::fuzzing
