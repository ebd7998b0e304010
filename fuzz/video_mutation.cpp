/// Breaks small clips in fixed-seed ways and reads what is left: `video_mutation [COUNT] [SEED] [CLIP]`.
/// COUNT (2,000) mutations over all clips; exits with 1 at the first violation, and a file that takes over 3 s is one.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "codec_checks.h"
#include "video_checks.h"

namespace {

constexpr double kMaxSeconds = 3.0;
/// Ends a call that hangs; SIGALRM's default action is a visible failure.
constexpr unsigned kWatchdogSeconds = 30;
constexpr long kMaxResidentKib = 2L << 20;

bool run(const std::filesystem::path& clip, unsigned count, unsigned first_seed) {
  std::ifstream stream(clip, std::ios::binary);
  const std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(stream), {}};
  const std::string name = clip.filename().string();
  smol::fuzzing::VideoChecks checks;
  alarm(kWatchdogSeconds);
  if (const std::string violation = checks.learn(bytes); !violation.empty()) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), violation.c_str());
    return false;
  }
  for (unsigned i = 0; i < count; ++i) {
    const std::uint32_t choices = first_seed * 1'000'003U + i;
    alarm(kWatchdogSeconds);
    const auto start = std::chrono::steady_clock::now();
    std::string violation = checks.read(smol::fuzzing::mutate(bytes, choices), choices);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (violation.empty() && seconds > kMaxSeconds) violation = "took " + std::to_string(seconds) + " s";
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    if (violation.empty() && usage.ru_maxrss > kMaxResidentKib) violation = "took over 2 GiB of memory";
    if (!violation.empty()) {
      std::fprintf(stderr, "%s, mutation %u: %s\n", name.c_str(), choices, violation.c_str());
      return false;
    }
  }
  alarm(0);
  std::printf("%s: %u mutations; %lld frames read, %lld refused, %lld files refused\n", name.c_str(), count,
              static_cast<long long>(checks.num_frames_read()), static_cast<long long>(checks.num_frames_refused()),
              static_cast<long long>(checks.num_files_refused()));
  return checks.num_frames_read() > static_cast<std::int64_t>(count);
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned count = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 2000;
  const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
  std::vector<std::filesystem::path> clips;
  for (const auto& entry : std::filesystem::directory_iterator(SMOL_VIDEO_SEEDS)) clips.push_back(entry.path());
  std::sort(clips.begin(), clips.end());
  const auto share = static_cast<unsigned>(count / clips.size() + 1);
  for (const auto& clip : clips) {
    if (argc > 3 && clip.filename() != argv[3]) continue;
    if (!run(clip, share, seed)) return 1;
  }
  return 0;
}
