#pragma once
/// Small valid pictures of every registered codec, for the suites that break them. A new codec adds its own here.

#include <string>
#include <string_view>
#include <vector>

#include "smol/codec.h"

namespace smol::testing {

struct Seed {
  std::string name;
  std::vector<std::uint8_t> bytes;
};

/// At most about 4 KB each; never empty for a codec that the suites are to test.
[[nodiscard]] std::vector<Seed> seeds_of(std::string_view codec);

/// A header that claims a picture of 60,000 x 60,000 and little else.
[[nodiscard]] std::vector<std::uint8_t> huge_header_of(std::string_view codec);

}  // namespace smol::testing
