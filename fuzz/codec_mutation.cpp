/// Breaks valid pictures in fixed-seed ways and checks every decode: `codec_mutation [COUNT] [SEED] [CODEC]`.
/// COUNT (2,000) mutations a codec; exits with 1 at the first violation, and a call that takes over 2 s is one.

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>

#include "codec_checks.h"
#include "unit/codec/codec_seeds.h"
#include "unit/codec/png_fixture.h"

namespace {

constexpr double kMaxSeconds = 2.0;
/// Ends a call that hangs; SIGALRM's default action is a visible failure.
constexpr unsigned kWatchdogSeconds = 30;

template <typename Call>
bool holds(Call call, const std::string& name, unsigned number) {
  alarm(kWatchdogSeconds);
  const auto start = std::chrono::steady_clock::now();
  std::string violation = call();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (violation.empty() && seconds > kMaxSeconds) violation = "took " + std::to_string(seconds) + " s";
  if (!violation.empty()) std::fprintf(stderr, "%s, mutation %u: %s\n", name.c_str(), number, violation.c_str());
  return violation.empty();
}

bool run(std::string_view codec, unsigned count, unsigned first_seed) {
  const auto seeds = smol::testing::seeds_of(codec);
  if (seeds.empty()) {
    std::fprintf(stderr, "no seeds for codec %.*s; add some to codec_seeds.cpp\n", static_cast<int>(codec.size()),
                 codec.data());
    return false;
  }
  smol::fuzzing::CodecChecks checks;
  std::mt19937 random(first_seed);
  for (unsigned i = 0; i < count; ++i) {
    const auto& seed = seeds[random() % seeds.size()];
    const std::uint32_t choices = static_cast<std::uint32_t>(random());
    auto bytes = smol::fuzzing::mutate(seed.bytes, choices);
    // Else nearly all broken PNGs would stop at their checksums.
    if (codec == "png" && choices % 4 != 0) smol::testing::fix_checksums(bytes);
    if (!holds([&] { return checks.decode(bytes, choices); }, seed.name, i)) return false;
    if (i % 4 == 0 && !holds([&] { return checks.regions(bytes, choices); }, seed.name, i)) return false;
    // Whatever came before, an intact picture still decodes.
    if (i % 64 == 0 && !holds([&] { return checks.regions(seed.bytes, choices); }, seed.name, i)) return false;
  }
  std::printf("%.*s: %u mutations, %d of them decoded\n", static_cast<int>(codec.size()), codec.data(), count,
              checks.num_decoded());
  return checks.num_decoded() > static_cast<int>(count / 20);
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned count = argc > 1 ? static_cast<unsigned>(std::strtoul(argv[1], nullptr, 10)) : 2000;
  const unsigned seed = argc > 2 ? static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10)) : 1;
  const auto registry = smol::built_in_codecs();
  for (const auto& codec : registry.codecs()) {
    if (argc > 3 && codec->name() != argv[3]) continue;
    if (!run(codec->name(), count, seed)) return 1;
  }
  return 0;
}
