/// libFuzzer: any bytes, any request. The first four bytes choose the request.

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "codec_checks.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static smol::fuzzing::CodecChecks checks;
  if (size < 4) return 0;
  std::uint32_t choices;
  std::memcpy(&choices, data, sizeof choices);
  const smol::ByteView bytes(data + 4, size - 4);
#ifdef SMOL_FUZZ_DIFFERENTIAL
  const std::string violation = checks.regions(bytes, choices);
#else
  const std::string violation = checks.decode(bytes, choices);
#endif
  if (!violation.empty()) {
    std::fprintf(stderr, "%s\n", violation.c_str());
    std::abort();
  }
  return 0;
}
