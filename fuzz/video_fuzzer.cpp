/// libFuzzer: any bytes as a video file. The first four bytes choose how it is read.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "video_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static smol::fuzzing::VideoChecks checks;
  if (size < 4) return 0;
  std::uint32_t choices;
  std::memcpy(&choices, data, sizeof choices);
  if (const std::string violation = checks.read({data + 4, size - 4}, choices); !violation.empty()) {
    std::fprintf(stderr, "%s\n", violation.c_str());
    std::abort();
  }
  return 0;
}
