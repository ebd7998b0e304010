/// Reads every STEPth frame of a video, processor seconds of all threads: `video_benchmark FILE [STEP] [ROUNDS] [THREADS]`.
///
/// "chosen": seeking or decoding on, whichever the reader takes for cheaper. "through": without seeking.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <vector>

#include "codec/video/video_plug_in.h"

namespace {

class Sink final : public smol::FrameConsumer {
 public:
  bool frame(std::int64_t, const smol::Result<smol::FramePlanes>& planes) override {
    num_frames += planes.ok() ? 1 : 0;
    return true;
  }
  std::int64_t num_frames = 0;
};

double seconds_of(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: video_benchmark FILE [STEP] [ROUNDS] [THREADS]\n"), 2;
  const auto argument = [&](int place, int otherwise) { return argc > place ? std::atoi(argv[place]) : otherwise; };
  const std::int64_t step = argument(2, 30);
  const int rounds = argument(3, 5);
  const std::unique_ptr<const smol::VideoLibrary> library(smol_create_video_library_v1());
  double start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  const auto index = library->index(argv[1]);
  if (!index.ok()) return std::fprintf(stderr, "%s\n", index.error().to_string().c_str()), 1;
  std::printf("%zu frames, %zu groups; index %.1f ms\n", index->frames.size(), index->groups.size(),
              1e3 * (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start));
  std::vector<std::int64_t> numbers;
  for (std::int64_t number = 0; number < static_cast<std::int64_t>(index->frames.size()); number += step)
    numbers.push_back(number);
  std::vector<double> cpu[2], wall[2];
  for (int round = 0; round < 2 * rounds; ++round) {
    const int through = round % 2;
    smol::VideoReadOptions options;
    options.seek = through == 0;
    options.threads = argument(4, 1);
    const auto reader = library->open(argv[1]);
    Sink sink;
    start = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    const double wall_start = seconds_of(CLOCK_MONOTONIC);
    const smol::Status status = (*reader)->read(*index, numbers, options, sink);
    cpu[through].push_back(seconds_of(CLOCK_PROCESS_CPUTIME_ID) - start);
    wall[through].push_back(seconds_of(CLOCK_MONOTONIC) - wall_start);
    if (!status.ok() || sink.num_frames != static_cast<std::int64_t>(numbers.size()))
      return std::fprintf(stderr, "frames are missing\n"), 1;
  }
  for (int i = 0; i < 2; ++i)
    std::printf("%-8s %7.3f s of processors, %7.3f s; %.1f ms a frame\n", i == 0 ? "chosen" : "through", median(cpu[i]),
                median(wall[i]), 1e3 * median(cpu[i]) / static_cast<double>(numbers.size()));
  return 0;
}
