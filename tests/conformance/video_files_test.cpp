/// Decoded samples of real video files, bit by bit: against the sums that openh264 publishes for its test streams, and
/// against the frames that the command ffmpeg writes.

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <numeric>
#include <sstream>

#include "codec/video/video_plug_in.h"
#include "temporary_folder.h"
#include "test_data.h"

namespace smol::testing {
namespace {

using Samples = std::vector<std::uint8_t>;

const VideoLibrary& library() {
  static const std::unique_ptr<const VideoLibrary> library(smol_create_video_library_v1());
  return *library;
}

/// Planes of each frame, one after the other; empty: an error.
class KeptPlanes final : public FrameConsumer {
 public:
  bool frame(std::int64_t number, const Result<FramePlanes>& planes) override {
    numbers.push_back(number);
    frames.emplace_back();
    if (!planes.ok()) {
      EXPECT_EQ(planes.error().code, ErrorCode::kCorrupt) << planes.error().to_string();
      EXPECT_FALSE(planes.error().message.empty());
      return true;
    }
    const int sample_bytes = planes->bits > 8 ? 2 : 1;
    for (int i = 0; i < (planes->chroma_horizontal == 0 ? 1 : 3); ++i) {
      const int across = i == 0 ? 1 : planes->chroma_horizontal, down = i == 0 ? 1 : planes->chroma_vertical;
      const int width = (planes->width + across - 1) / across, height = (planes->height + down - 1) / down;
      for (int y = 0; y < height; ++y) {
        const std::uint8_t* const row = planes->data[i] + y * planes->stride_bytes[i];
        frames.back().insert(frames.back().end(), row, row + static_cast<std::ptrdiff_t>(width) * sample_bytes);
      }
    }
    return true;
  }
  std::vector<std::int64_t> numbers;
  std::vector<Samples> frames;
};

std::vector<Samples> frames_of(const std::string& path, const VideoIndex& index, const std::vector<std::int64_t>& numbers,
                               const VideoReadOptions& options = {}) {
  KeptPlanes kept;
  auto reader = library().open(path);
  EXPECT_TRUE(reader.ok());
  const Status status = (*reader)->read(index, numbers, options, kept);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  EXPECT_EQ(kept.numbers, numbers) << path;
  return kept.frames;
}

std::vector<std::int64_t> every(std::int64_t step, std::int64_t end) {
  std::vector<std::int64_t> numbers;
  for (std::int64_t number = 0; number < end; number += step) numbers.push_back(number);
  return numbers;
}

struct ClosePipe {
  void operator()(FILE* pipe) const { pclose(pipe); }
};
using Pipe = std::unique_ptr<FILE, ClosePipe>;

/// The frames as ffmpeg's command writes them: every `step`th, as many as `like` has, each of the size that it has there.
std::vector<Samples> frames_of_command(const std::string& path, const std::vector<Samples>& like, std::int64_t step = 1,
                                       const std::string& options = "") {
  const std::string command = "ffmpeg -nostdin -v quiet -threads 1 " + options + " -i '" + path +
                              "' -autoscale 0 -fps_mode passthrough -f rawvideo - 2> /dev/null";
  const Pipe pipe(popen(command.c_str(), "r"));
  std::vector<Samples> frames;
  for (std::int64_t number = 0; frames.size() < like.size(); ++number) {
    Samples frame(like[frames.size()].size());
    if (std::fread(frame.data(), 1, frame.size(), pipe.get()) != frame.size()) break;
    if (number % step == 0) frames.push_back(std::move(frame));
  }
  return frames;
}

bool has_command() {
  const Pipe pipe(popen("ffmpeg -version 2> /dev/null", "r"));
  return std::fgetc(pipe.get()) != EOF;
}

std::string sha1_of(const std::vector<Samples>& frames) {
  const TemporaryFolder folder;
  std::ofstream stream(folder.path("frames"), std::ios::binary);
  for (const Samples& frame : frames)
    stream.write(reinterpret_cast<const char*>(frame.data()), static_cast<std::streamsize>(frame.size()));
  stream.close();
  const Pipe pipe(popen(("sha1sum '" + folder.path("frames") + "'").c_str(), "r"));
  std::string sum(40, ' ');
  EXPECT_EQ(std::fread(sum.data(), 1, sum.size(), pipe.get()), sum.size());
  return sum;
}

/// How many frames differ; those that the first lacks are not counted.
std::int64_t num_different(const std::vector<Samples>& ours, const std::vector<Samples>& theirs) {
  EXPECT_EQ(ours.size(), theirs.size());
  std::int64_t different = 0;
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
    different += !ours[i].empty() && ours[i] != theirs[i] ? 1 : 0;
  return different;
}

#define FFMPEG_OR_SKIP()                                                                                                \
  if (!has_command()) {                                                                                                 \
    if (std::getenv("SMOL_REQUIRE_DATA") != nullptr) FAIL() << "the command ffmpeg is missing: scripts/setup.sh tests"; \
    GTEST_SKIP() << "the command ffmpeg is missing";                                                                    \
  }

/// h264_files.tsv: file, frames, those of them that are damaged, openh264's SHA-1 of all planes, remark.
struct Row {
  std::string file, sha1;
  std::int64_t num_frames = 0, num_damaged = 0;
};
std::vector<Row> rows() {
  std::ifstream list(SMOL_TESTS_DIR "/conformance/h264_files.tsv");
  std::vector<Row> rows;
  for (std::string line; std::getline(list, line);) {
    std::istringstream fields(line);
    Row row;
    fields >> row.file >> row.num_frames >> row.num_damaged >> row.sha1;
    rows.push_back(row);
  }
  return rows;
}

TEST(VideoFilesTest, StreamsOfOpenh264DecodeBitExactly) {
  SMOL_DATA_OR_SKIP(folder, "conformance/h264");
  FFMPEG_OR_SKIP();
  ASSERT_EQ(rows().size(), 10U);
  for (const Row& row : rows()) {
    SCOPED_TRACE(row.file);
    const std::string path = folder + "/" + row.file;
    const auto index = library().index(path);
    ASSERT_TRUE(index.ok()) << index.error().to_string();
    const auto num_frames = static_cast<std::int64_t>(index->frames.size());
    EXPECT_EQ(num_frames, row.num_frames);
    const std::vector<std::int64_t> numbers = every(1, num_frames);
    const std::vector<Samples> ours = frames_of(path, *index, numbers);
    VideoReadOptions lenient;
    lenient.fail_on = FailOn::kNone;
    const std::vector<Samples> all = frames_of(path, *index, numbers, lenient);
    const auto theirs = frames_of_command(path, all, 1, "-flags output_corrupt");
    EXPECT_EQ(num_different(ours, theirs), 0);
    EXPECT_EQ(num_different(all, theirs), 0);
    EXPECT_EQ(std::count(ours.begin(), ours.end(), Samples()), row.num_damaged) << "concealed frames are errors";
    EXPECT_EQ(std::count(all.begin(), all.end(), Samples()), 0);
    EXPECT_TRUE(row.sha1 == "-" || row.sha1 == sha1_of(ours));
    VideoReadOptions strict;
    strict.fail_on = FailOn::kError;
    if (row.num_damaged == 0) {
      EXPECT_EQ(frames_of(path, *index, numbers, strict), ours);
    }
    // Alone, and backwards, each is what it is among the others.
    const auto reader = library().open(path);
    for (std::int64_t number = num_frames - 1; number >= 0; number -= 7) {
      KeptPlanes alone;
      ASSERT_TRUE((*reader)->read(*index, {{number}}, {}, alone).ok());
      EXPECT_EQ(alone.frames.at(0), ours[static_cast<std::size_t>(number)]) << number;
    }
  }
}

TEST(VideoFilesTest, FramesOfFilmsAreThoseOfFfmpeg) {
  SMOL_DATA_OR_SKIP(folder, "video");
  FFMPEG_OR_SKIP();
  for (const auto& [file, num_frames] :
       {std::pair{"street-cars.mp4", 905}, std::pair{"car-detection.mp4", 377}, std::pair{"vtest.avi", 795}}) {
    SCOPED_TRACE(file);
    const std::string path = folder + "/" + file;
    const auto index = library().index(path);
    ASSERT_TRUE(index.ok());
    EXPECT_EQ(static_cast<int>(index->frames.size()), num_frames);
    constexpr std::int64_t kStep = 37;
    const std::vector<std::int64_t> numbers = every(kStep, num_frames);
    const auto theirs = frames_of_command(path, frames_of(path, *index, numbers), kStep);
    for (const bool seek : {true, false}) {
      for (const int threads : {1, 3}) {
        VideoReadOptions options;
        options.seek = seek;
        options.threads = threads;
        EXPECT_EQ(num_different(frames_of(path, *index, numbers, options), theirs), 0) << seek << threads;
      }
    }
  }
}

TEST(VideoFilesTest, DeblockingIsLeftOutAsFfmpegLeavesItOut) {
  SMOL_DATA_OR_SKIP(folder, "");
  FFMPEG_OR_SKIP();
  for (const std::string file : {"video/street-cars.mp4", "conformance/h264/Cisco_Men_whisper_640x320_CABAC_Bframe_9.264",
                                 "conformance/h264/SVA_CL1_E.264", "conformance/h264/test_scalinglist_jm.264"}) {
    SCOPED_TRACE(file);
    const std::string path = folder + "/" + file;
    const auto index = library().index(path);
    ASSERT_TRUE(index.ok());
    const std::int64_t num_frames = std::min<std::int64_t>(60, static_cast<std::int64_t>(index->frames.size()));
    const std::vector<std::int64_t> numbers = every(1, num_frames);
    const std::vector<Samples> exact = frames_of(path, *index, numbers);
    for (const auto& [name, option] : {std::pair{"deblock-none", "all"}, std::pair{"deblock-reference", "noref"}}) {
      VideoReadOptions options;
      options.fidelity = parse_video_fidelity(name).value();
      const std::vector<Samples> ours = frames_of(path, *index, numbers, options);
      const auto theirs = frames_of_command(path, ours, 1, std::string("-skip_loop_filter ") + option);
      EXPECT_EQ(num_different(ours, theirs), 0) << name;
      // SVA_CL1_E turns the filter off by itself.
      if (options.fidelity.deblocking == VideoFidelity::Deblocking::kNone && file.find("SVA_CL1_E") == file.npos) {
        EXPECT_GT(num_different(ours, exact), 0);
      }
    }
  }
}

TEST(VideoFilesTest, FramesThatNoOtherNeedsAreThoseThatFfmpegLeavesOut) {
  SMOL_DATA_OR_SKIP(folder, "video");
  FFMPEG_OR_SKIP();
  for (const std::string& file : {folder + "/street-cars.mp4", folder + "/car-detection.mp4", folder + "/vtest.avi",
                                  std::string(SMOL_TESTS_DIR "/../fuzz/video_seeds/h264.ts"),
                                  std::string(SMOL_TESTS_DIR "/../fuzz/video_seeds/h264-open.mkv"),
                                  std::string(SMOL_TESTS_DIR "/../fuzz/video_seeds/hevc.mp4")}) {
    SCOPED_TRACE(file);
    const auto index = library().index(file);
    ASSERT_TRUE(index.ok());
    std::vector<std::int64_t> ours, theirs;
    for (const VideoFrame& frame : index->frames) {
      if (frame.reference) ours.push_back(frame.pts);
    }
    const std::string command =
        "ffprobe -v quiet -select_streams v:0 -skip_frame noref -show_entries "
        "frame=best_effort_timestamp -of default=nokey=1:noprint_wrappers=1 '" +
        file + "'";
    const Pipe pipe(popen(command.c_str(), "r"));
    for (long long pts = 0; std::fscanf(pipe.get(), " %lld", &pts) == 1;) theirs.push_back(pts);
    EXPECT_EQ(ours, theirs);
  }
}

}  // namespace
}  // namespace smol::testing
