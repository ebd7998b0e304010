#include "base/digest.h"

#include <fmt/format.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstdio>
#include <memory>

namespace smol {

std::string digest_of(std::span<const std::uint8_t> bytes) {
  return fmt::format("xxh3:{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

std::string digest_of(std::string_view text) { return fmt::format("xxh3:{:016x}", XXH3_64bits(text.data(), text.size())); }

Result<std::string> digest_of_file(const std::string& path) {
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) return Error{ErrorCode::kNotFound, "cannot open file: " + path, Stage::kRead};
  std::unique_ptr<XXH3_state_t, XXH_errorcode (*)(XXH3_state_t*)> state(XXH3_createState(), &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::array<std::uint8_t, 1 << 16> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    XXH3_64bits_update(state.get(), buffer.data(), got);
  }
  if (std::ferror(file.get()) != 0) return Error{ErrorCode::kIo, "cannot read file: " + path, Stage::kRead};
  return fmt::format("xxh3:{:016x}", XXH3_64bits_digest(state.get()));
}

}  // namespace smol
