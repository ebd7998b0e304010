#include "source/random_access.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace smol {
namespace {

// Opened for every read: a dataset may be thousands of archives, a process may not hold thousands of descriptors.
class LocalFile final : public RandomAccess {
 public:
  LocalFile(std::string path, const struct stat& facts) : path_(std::move(path)), facts_(facts) {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::int64_t size_bytes() const override { return facts_.st_size; }
  [[nodiscard]] std::string fingerprint() const override {
    return fmt::format("{}:{}.{:09}", static_cast<std::int64_t>(facts_.st_size),
                       static_cast<std::int64_t>(facts_.st_mtim.tv_sec), static_cast<std::int64_t>(facts_.st_mtim.tv_nsec));
  }
  [[nodiscard]] Result<std::int64_t> read_at(std::int64_t offset, std::span<std::uint8_t> bytes) const override {
    const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0) return failure("cannot open file");
    Result<std::int64_t> got = read_open(descriptor, offset, bytes);
    ::close(descriptor);
    return got;
  }

 private:
  [[nodiscard]] Error failure(const char* what) const {
    return {ErrorCode::kIo, fmt::format("{}, {}: {}", what, std::strerror(errno), path_), Stage::kRead};
  }
  [[nodiscard]] Result<std::int64_t> read_open(int descriptor, std::int64_t offset, std::span<std::uint8_t> bytes) const {
    struct stat now {};
    if (::fstat(descriptor, &now) != 0) return failure("cannot stat file");
    if (now.st_size != facts_.st_size || now.st_mtim.tv_sec != facts_.st_mtim.tv_sec ||
        now.st_mtim.tv_nsec != facts_.st_mtim.tv_nsec) {
      return Error{ErrorCode::kIo, "the file was changed after its index was read; run again with --resume: " + path_,
                   Stage::kRead};
    }
    std::int64_t done = 0;
    while (done < static_cast<std::int64_t>(bytes.size())) {
      const ssize_t got =
          ::pread(descriptor, bytes.data() + done, bytes.size() - static_cast<std::size_t>(done), offset + done);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return failure("cannot read file");
      if (got == 0) break;
      done += got;
    }
    return done;
  }

  std::string path_;
  struct stat facts_;
};

}  // namespace

Result<std::shared_ptr<const RandomAccess>> open_random_access(const std::string& path) {
  struct stat facts {};
  if (::stat(path.c_str(), &facts) != 0) {
    const ErrorCode code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return Error{code, fmt::format("cannot open file, {}: {}", std::strerror(errno), path), Stage::kRead};
  }
  if (!S_ISREG(facts.st_mode)) return Error{ErrorCode::kIo, "not a regular file: " + path, Stage::kRead};
  if (::access(path.c_str(), R_OK) != 0)
    return Error{ErrorCode::kIo, fmt::format("cannot open file, {}: {}", std::strerror(errno), path), Stage::kRead};
  return std::shared_ptr<const RandomAccess>(std::make_shared<LocalFile>(path, facts));
}

}  // namespace smol
