#include "smol/source.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/digest.h"
#include "source/store.h"

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
  Status next_unit(std::vector<Item>& unit) override {
    unit.clear();
    std::size_t begin = next_.load(std::memory_order_relaxed), end = begin;
    do {
      if (begin >= items_.size()) return {};
      end = unit_end(items_, begin);
    } while (!next_.compare_exchange_weak(begin, end, std::memory_order_relaxed));
    unit.assign(items_.begin() + static_cast<std::ptrdiff_t>(begin), items_.begin() + static_cast<std::ptrdiff_t>(end));
    return {};
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

struct OpenFile {
  struct Descriptor {
    int value = -1;
    explicit Descriptor(int given) : value(given) {}
    Descriptor(Descriptor&& other) noexcept : value(std::exchange(other.value, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor() {
      if (value >= 0) ::close(value);
    }
  };
  Descriptor descriptor;
  std::int64_t size_bytes = 0;
};

// SIMD readers may look this far past the last byte.
constexpr std::size_t kReadableAfterEnd = 64;

Status check_range(std::int64_t offset, std::int64_t length) {
  if (offset >= 0 && length >= 0) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("a range begins at 0 or later and is not negative: {}, {}", offset, length), Stage::kRead};
}

Result<OpenFile> open_file(const std::string& path) {
  // A named pipe would be waited for until somebody writes to it.
  OpenFile file{OpenFile::Descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK))};
  if (file.descriptor.value < 0) {
    const int why = errno;
    const ErrorCode code = why == ENOENT || why == ENOTDIR ? ErrorCode::kNotFound : ErrorCode::kIo;
    return Error{code, fmt::format("cannot open file, {}: {}", std::strerror(why), path), Stage::kRead};
  }
  struct stat facts {};
  if (::fstat(file.descriptor.value, &facts) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot stat file, {}: {}", std::strerror(errno), path), Stage::kRead};
  }
  if (!S_ISREG(facts.st_mode)) return Error{ErrorCode::kIo, "not a regular file: " + path, Stage::kRead};
  file.size_bytes = facts.st_size;
  return file;
}

Status read_from(const OpenFile& file, const std::string& path, std::int64_t offset, std::int64_t length,
                 std::vector<std::uint8_t>& buffer) {
  const auto size = static_cast<std::size_t>(length);
  if (buffer.capacity() < size + kReadableAfterEnd) buffer.reserve((size + kReadableAfterEnd) * 5 / 4);
  buffer.resize(size);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got =
        ::pread(file.descriptor.value, buffer.data() + done, size - done, offset + static_cast<std::int64_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      return Error{ErrorCode::kIo, fmt::format("cannot read file, {}: {}", std::strerror(errno), path), Stage::kRead};
    if (got == 0) break;  // the file shrank while we read it: what is there is decoded and found truncated
    done += static_cast<std::size_t>(got);
  }
  buffer.resize(done);
  return {};
}

}  // namespace

Status Source::next_unit(std::vector<Item>& unit) {
  unit.clear();
  SMOL_ASSIGN_OR_RETURN(std::optional<Item> item, next());
  if (item) unit.push_back(*std::move(item));
  return {};
}

std::unique_ptr<Source> from_items(std::vector<Item> items) { return std::make_unique<ItemList>(std::move(items)); }

std::unique_ptr<Source> from_generator(std::function<std::optional<Item>()> generator, std::optional<std::int64_t> size) {
  return std::make_unique<Generator>(std::move(generator), size);
}

Status read_file(const std::string& path, std::vector<std::uint8_t>& buffer, std::int64_t max_bytes) {
  SMOL_ASSIGN_OR_RETURN(const OpenFile file, open_file(path));
  if (file.size_bytes > max_bytes) {
    return Error{ErrorCode::kLimitExceeded,
                 fmt::format("file is larger than the limit of {} bytes: {} bytes, {}", max_bytes, file.size_bytes, path),
                 Stage::kRead};
  }
  return read_from(file, path, 0, file.size_bytes, buffer);
}

Status read_file_range(const std::string& path, std::int64_t offset, std::int64_t length,
                       std::vector<std::uint8_t>& buffer) {
  SMOL_RETURN_IF_ERROR(check_range(offset, length));
  if (offset == 0 && length == Source::kToTheEnd) return read_file(path, buffer, length);
  SMOL_ASSIGN_OR_RETURN(const OpenFile file, open_file(path));
  return read_from(file, path, offset, std::clamp<std::int64_t>(file.size_bytes - offset, 0, length), buffer);
}

Status read_item(const Item& item, std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer) {
  if (item.error) return *item.error;
  SMOL_RETURN_IF_ERROR(check_range(offset, length));
  if (item.stored.store) return item.stored.store->read_range(item.stored.member, offset, length, buffer);
  if (!item.bytes) return read_file_range(item.path, offset, length, buffer);
  const auto size = static_cast<std::int64_t>(item.bytes->size());
  const std::int64_t begin = std::clamp<std::int64_t>(offset, 0, size),
                     end = begin + std::clamp<std::int64_t>(length, 0, size - begin);
  buffer.reserve(static_cast<std::size_t>(end - begin) + kReadableAfterEnd);
  buffer.assign(item.bytes->begin() + begin, item.bytes->begin() + end);
  return {};
}

Status read_item(const Item& item, std::vector<std::uint8_t>& buffer) {
  return read_item(item, 0, Source::kToTheEnd, buffer);
}

Status read_named(const std::string& name, std::vector<std::uint8_t>& buffer) {
  SMOL_ASSIGN_OR_RETURN(const Item item, item_named(name));
  return read_item(item, buffer);
}

Status Source::read_range(const Item& item, std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer) {
  return read_item(item, offset, length, buffer);
}

Item frame_of(const Item& item) {
  Item frame;
  frame.id = item.id;
  frame.path = item.frame_path;
  frame.stored = item.frame_stored;
  return frame;
}

namespace {

std::string fingerprint_of_file(const std::string& path, std::int64_t* file_bytes) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) != 0) return "missing";
  if (file_bytes != nullptr) *file_bytes = facts.st_size;
  return fmt::format("{}:{}.{:09}", static_cast<std::int64_t>(facts.st_size),
                     static_cast<std::int64_t>(facts.st_mtim.tv_sec), static_cast<std::int64_t>(facts.st_mtim.tv_nsec));
}

std::string fingerprint_of_content(const Item& item, std::int64_t* file_bytes) {
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
  if (item.stored.store) {
    const Store::Facts facts = item.stored.store->facts_of(item.stored.member);
    if (file_bytes != nullptr && facts.size_bytes > 0) *file_bytes = facts.size_bytes;
    return facts.fingerprint;
  }
  return fingerprint_of_file(item.path, file_bytes);
}

}  // namespace

std::string fingerprint_of(const Item& item, std::int64_t* file_bytes) {
  std::string fingerprint = fingerprint_of_content(item, file_bytes);
  if (item.regions.empty()) return fingerprint;
  if (item.full_size) {
    fingerprint += fmt::format("/{}x{}", item.full_size->width, item.full_size->height);
  } else if (!item.frame_path.empty()) {
    fingerprint += "/" + fingerprint_of_content(frame_of(item), nullptr);
  }
  return fingerprint;
}

std::string region_fingerprint(const std::string& item_fingerprint, const Item& item, std::size_t region) {
  if (item.regions.empty()) return item_fingerprint;
  const Rect& rect = item.regions[region].rect;
  return fmt::format("{}@{},{},{}x{}", item_fingerprint, rect.x, rect.y, rect.width, rect.height);
}

}  // namespace smol
