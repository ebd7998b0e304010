#include "base/text_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace smol {

Result<std::string> read_text_file(const std::string& path) {
  constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (!file) {
    return Error{errno == ENOENT ? ErrorCode::kNotFound : ErrorCode::kIo,
                 std::string("cannot open file (") + std::strerror(errno) + "): " + path, Stage::kRead};
  }
  std::string text;
  std::array<char, 1 << 14> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    text.append(buffer.data(), got);
    if (text.size() > kMaxBytes) {
      return Error{ErrorCode::kLimitExceeded, "text file larger than 64 MiB, is this the right file: " + path, Stage::kRead};
    }
  }
  if (std::ferror(file.get()) != 0) return Error{ErrorCode::kIo, "cannot read file: " + path, Stage::kRead};
  return text;
}

}  // namespace smol
