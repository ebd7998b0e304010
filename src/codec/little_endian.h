#pragma once
/// Numbers as BMP, GIF and WebP store them. Callers see to it that the bytes are there.

#include <cstddef>

#include "smol/codec.h"

namespace smol {

[[nodiscard]] inline std::uint32_t read_le(ByteView bytes, std::size_t offset, int size) {
  std::uint32_t value = 0;
  for (int i = size - 1; i >= 0; --i) value = value << 8 | bytes[offset + static_cast<std::size_t>(i)];
  return value;
}

[[nodiscard]] inline std::uint32_t read_le16(ByteView bytes, std::size_t offset) { return read_le(bytes, offset, 2); }
[[nodiscard]] inline std::uint32_t read_le24(ByteView bytes, std::size_t offset) { return read_le(bytes, offset, 3); }
[[nodiscard]] inline std::uint32_t read_le32(ByteView bytes, std::size_t offset) { return read_le(bytes, offset, 4); }

}  // namespace smol
