#include "base/text_file.h"

#include <fcntl.h>
#include <unistd.h>

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
  if (std::ferror(file.get()) != 0) {
    return Error{ErrorCode::kIo, std::string("cannot read file (") + std::strerror(errno) + "): " + path, Stage::kRead};
  }
  return text;
}

Status sync_path(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  const bool synced = file >= 0 && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0) ::close(file);
  if (!synced) return Error{ErrorCode::kIo, std::string("cannot sync (") + std::strerror(why) + "): " + path, Stage::kWrite};
  return {};
}

Status write_text_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".tmp";
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(temporary.c_str(), "wb"), &std::fclose);
  if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() || std::fflush(file.get()) != 0) {
    return Error{ErrorCode::kIo, std::string("cannot write file (") + std::strerror(errno) + "): " + path, Stage::kWrite};
  }
  file.reset();
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kIo, std::string("cannot rename into place (") + std::strerror(errno) + "): " + path,
                 Stage::kWrite};
  }
  return {};
}

}  // namespace smol
