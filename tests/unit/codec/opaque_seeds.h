#pragma once

#include "unit/codec/codec_seeds.h"

namespace smol::testing {

/// Those of the codecs over large libraries: the files of opaque_seeds/ (made by make_opaque_seeds.py); empty for others.
[[nodiscard]] std::vector<Seed> opaque_seeds_of(std::string_view codec);
[[nodiscard]] std::vector<std::uint8_t> opaque_huge_header_of(std::string_view codec);

}  // namespace smol::testing
