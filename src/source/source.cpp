#include "smol/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/digest.h"

namespace smol {
namespace {

class ItemList final : public Source {
 public:
  explicit ItemList(std::vector<Item> items) : items_(std::move(items)) {}
  Result<std::optional<Item>> next() override {
    const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= items_.size()) return std::optional<Item>{};
    return std::optional<Item>{items_[index]};
  }
  [[nodiscard]] std::optional<std::int64_t> size() const override { return static_cast<std::int64_t>(items_.size()); }

 private:
  std::vector<Item> items_;
  std::atomic<std::size_t> next_{0};
};

class Generator final : public Source {
 public:
  Generator(std::function<std::optional<Item>()> generator, std::optional<std::int64_t> size)
      : generator_(std::move(generator)), size_(size) {}
  Result<std::optional<Item>> next() override {
    std::scoped_lock lock(mutex_);
    if (ended_) return std::optional<Item>{};
    std::optional<Item> item = generator_();
    ended_ = !item.has_value();
    return item;
  }
  [[nodiscard]] std::optional<std::int64_t> size() const override { return size_; }

 private:
  std::mutex mutex_;
  std::function<std::optional<Item>()> generator_;
  std::optional<std::int64_t> size_;
  bool ended_ = false;
};

struct FileDescriptor {
  int value;
  ~FileDescriptor() {
    if (value >= 0) ::close(value);
  }
};

// SIMD readers may look this far past the last byte.
constexpr std::size_t kReadableAfterEnd = 64;

}  // namespace

std::unique_ptr<Source> from_items(std::vector<Item> items) { return std::make_unique<ItemList>(std::move(items)); }

std::unique_ptr<Source> from_generator(std::function<std::optional<Item>()> generator, std::optional<std::int64_t> size) {
  return std::make_unique<Generator>(std::move(generator), size);
}

Status read_file(const std::string& path, std::vector<std::uint8_t>& buffer, std::int64_t max_bytes) {
  const FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.value < 0) {
    const int why = errno;
    const ErrorCode code = why == ENOENT || why == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return Error{code, fmt::format("cannot open file, {}: {}", std::strerror(why), path), Stage::kRead};
  }
  struct stat facts {};
  if (::fstat(file.value, &facts) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot stat file, {}: {}", std::strerror(errno), path), Stage::kRead};
  }
  if (!S_ISREG(facts.st_mode)) return Error{ErrorCode::kIo, "not a regular file: " + path, Stage::kRead};
  if (facts.st_size > max_bytes) {
    return Error{ErrorCode::kLimitExceeded,
                 fmt::format("file is larger than the limit of {} bytes: {} bytes, {}", max_bytes,
                             static_cast<std::int64_t>(facts.st_size), path),
                 Stage::kRead};
  }
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (buffer.capacity() < size + kReadableAfterEnd) buffer.reserve((size + kReadableAfterEnd) * 5 / 4);
  buffer.resize(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.value, buffer.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Error{ErrorCode::kIo, fmt::format("cannot read file, {}: {}", std::strerror(errno), path), Stage::kRead};
    if (got == 0) break;  // the file shrank while we read it: what is there is decoded and found truncated
    done += static_cast<std::size_t>(got);
  }
  buffer.resize(done);
  return {};
}

std::string fingerprint_of(const Item& item) {
  if (item.bytes) return digest_of(*item.bytes);
  if (item.picture) {
    const ImageView& view = item.picture->view();
    std::string rows = fmt::format("{}x{}:{}", view.width, view.height, name_of(view.format));
    for (int y = 0; y < view.height; ++y) {
      rows.append(reinterpret_cast<const char*>(view.row(y)),
                  static_cast<std::size_t>(view.width) * bytes_per_pixel(view.format));
    }
    return digest_of(rows);
  }
  struct stat facts {};
  if (item.path.empty() || ::stat(item.path.c_str(), &facts) != 0) return "missing";
  return fmt::format("{}:{}.{:09}", static_cast<std::int64_t>(facts.st_size),
                     static_cast<std::int64_t>(facts.st_mtim.tv_sec), static_cast<std::int64_t>(facts.st_mtim.tv_nsec));
}

}  // namespace smol
