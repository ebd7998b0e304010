#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "smol/codec.h"

namespace foreign {

/// A picture format of our own: "FLAT", width and height as 16-bit little endian, then RGB bytes row by row.
/// Rows can be taken one after another, and decoding may stop early; columns cannot be skipped.
[[nodiscard]] std::unique_ptr<const smol::Codec> create_flat_codec();

/// A gray picture in that format, with a rectangle of another shade in its middle, half as wide and high.
[[nodiscard]] std::vector<std::uint8_t> encode_flat(int width, int height, std::uint8_t shade, std::uint8_t middle_shade);

}  // namespace foreign
