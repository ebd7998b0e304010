#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "smol/result.h"

namespace smol {

/// "xxh3:" and 16 hexadecimal digits of the bytes' 64-bit XXH3. Not cryptographic: names content, does not protect it.
[[nodiscard]] std::string digest_of(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string digest_of(std::string_view text);
/// Of a whole file, read in pieces. kNotFound, kIo.
[[nodiscard]] Result<std::string> digest_of_file(const std::string& path);

}  // namespace smol
