#include "codec/tiff_file.h"

#include <tiffio.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>

namespace smol {
namespace {

constexpr std::size_t kSignatureBytes = 4;
constexpr std::uint32_t kBig = 43;
/// No directory or single strip may claim more.
constexpr tmsize_t kMaxAllocation = tmsize_t{1} << 30;

/// Directories of classic and "big" files.
class Directories {
 public:
  explicit Directories(ByteView bytes) : bytes_(bytes), little_(bytes[0] == 'I'), big_(read(2, 2) == kBig) {}

  [[nodiscard]] std::uint64_t first() const { return (big_ ? read(8, 8) : read(4, 4)).value_or(0); }
  /// The offset behind a directory's entries, where the next one's offset lies; empty where the bytes end before.
  [[nodiscard]] std::optional<std::uint64_t> end_of(std::uint64_t offset) const {
    const auto count = read(offset, big_ ? 8 : 2);
    if (!count || *count > bytes_.size()) return std::nullopt;
    const std::uint64_t end = offset + (big_ ? 8 + *count * 20 : 2 + *count * 12);
    return end <= bytes_.size() ? std::optional(end) : std::nullopt;
  }
  /// Whether a field of the standard (not of metadata) in a complete directory points beyond the bytes.
  [[nodiscard]] bool has_cut_fields(std::uint64_t offset, std::uint64_t end) const {
    constexpr std::uint64_t kFirstTag = 254, kLastTag = 532;
    constexpr std::array<std::uint8_t, 19> kTypeBytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8};
    const std::uint64_t inside = big_ ? 8 : 4, entry_bytes = big_ ? 20 : 12;
    for (std::uint64_t entry = offset + (big_ ? 8 : 2); entry < end; entry += entry_bytes) {
      const std::uint64_t tag = read(entry, 2).value_or(0), type = read(entry + 2, 2).value_or(0);
      const std::uint64_t count = read(entry + 4, inside).value_or(0);
      if (tag < kFirstTag || tag > kLastTag || type >= kTypeBytes.size() || count > bytes_.size()) continue;
      const std::uint64_t size = count * kTypeBytes[type];
      const std::uint64_t at = read(entry + 4 + inside, inside).value_or(0);
      if (size > inside && (at > bytes_.size() || bytes_.size() - at < size)) return true;
    }
    return false;
  }
  [[nodiscard]] std::uint64_t next(std::uint64_t end) const { return read(end, big_ ? 8 : 4).value_or(0); }

 private:
  [[nodiscard]] std::optional<std::uint64_t> read(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    std::uint64_t value = 0;
    for (std::uint64_t i = 0; i < size; ++i) value = value << 8 | bytes_[offset + (little_ ? size - 1 - i : i)];
    return value;
  }

  ByteView bytes_;
  bool little_, big_;
};

int on_error(TIFF*, void* messages, const char*, const char* format, std::va_list values) {
  static_cast<TiffMessages*>(messages)->add(true, format, values);
  return 1;
}

int on_warning(TIFF*, void* messages, const char*, const char* format, std::va_list values) {
  static_cast<TiffMessages*>(messages)->add(false, format, values);
  return 1;
}

struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

}  // namespace

/// libtiff's view of the bytes.
struct TiffMemory {
  static tmsize_t read(thandle_t handle, void* target, tmsize_t size) {
    auto& file = *static_cast<TiffFile*>(handle);
    const auto total = static_cast<std::int64_t>(file.bytes_.size());
    const std::int64_t count = std::clamp<std::int64_t>(size, 0, std::max<std::int64_t>(0, total - file.at_));
    if (count > 0) std::memcpy(target, file.bytes_.data() + file.at_, static_cast<std::size_t>(count));
    file.at_ += count;
    return count;
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& file = *static_cast<TiffFile*>(handle);
    const auto total = static_cast<std::int64_t>(file.bytes_.size());
    const std::int64_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? file.at_ : total;
    const std::int64_t at = base + static_cast<std::int64_t>(offset);
    if (at < 0) return static_cast<toff_t>(-1);
    file.at_ = at;
    return static_cast<toff_t>(at);
  }
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return static_cast<TiffFile*>(handle)->bytes_.size(); }
  static int map(thandle_t handle, void** base, toff_t* size) {
    const ByteView bytes = static_cast<TiffFile*>(handle)->bytes_;
    // Only read: the file is opened for that.
    *base = const_cast<std::uint8_t*>(bytes.data());
    *size = bytes.size();
    return 1;
  }
  static void unmap(thandle_t, void*, toff_t) {}
};

void TiffMessages::clear() {
  text_[0] = 0;
  num_warnings_ = num_errors_ = 0;
  is_error_ = false;
}

void TiffMessages::add(bool is_error, const char* format, std::va_list values) {
  ++(is_error ? num_errors_ : num_warnings_);
  if (text_[0] != 0 && (is_error_ || !is_error)) return;  // the first error, else the first warning
  is_error_ = is_error;
  const int length = std::vsnprintf(text_.data(), text_.size(), format, values);
  if (length < 0) text_[0] = 0;
  // One line, and nothing of the file that a terminal would obey.
  for (char& c : text_) {
    if (c != 0 && static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  for (std::size_t end = std::strlen(text_.data()); end > 0 && (text_[end - 1] == '.' || text_[end - 1] == ' '); --end) {
    text_[end - 1] = 0;
  }
}

void TiffFile::Free::operator()(tiff* file) const { TIFFClose(file); }

bool TiffFile::open(ByteView bytes) {
  close();
  messages_.clear();
  bytes_ = bytes;
  at_ = 0;
  const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
  if (!options) return false;
  TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxAllocation);
  TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, &messages_);
  TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, &messages_);
  file_.reset(TIFFClientOpenExt("picture", "r", this, TiffMemory::read, TiffMemory::write, TiffMemory::seek,
                                TiffMemory::close, TiffMemory::size, TiffMemory::map, TiffMemory::unmap, options.get()));
  return file_ != nullptr;
}

std::uint16_t TiffFile::small_field(std::uint32_t tag, std::uint16_t fallback) const {
  std::uint16_t value = fallback;
  return TIFFGetField(file_.get(), tag, &value) == 1 ? value : fallback;
}

std::uint32_t TiffFile::large_field(std::uint32_t tag, std::uint32_t fallback) const {
  std::uint32_t value = fallback;
  return TIFFGetField(file_.get(), tag, &value) == 1 ? value : fallback;
}

bool TiffFile::has_field(std::uint32_t tag) const {
  const int count = TIFFGetTagListCount(file_.get());
  for (int i = 0; i < count; ++i) {
    if (TIFFGetTagListEntry(file_.get(), i) == tag) return true;
  }
  return false;
}

int count_tiff_pages(ByteView bytes) {
  if (!has_tiff_signature(bytes) || bytes.size() < 16) return 1;
  const Directories directories(bytes);
  std::uint64_t at = directories.first(), anchor = 0;
  int count = 0;
  // An anchor that moves up at powers of two is met again in any loop.
  for (int next_anchor = 1; at != 0 && at != anchor; ++count) {
    const auto end = directories.end_of(at);
    if (!end) break;
    if (count == next_anchor) {
      anchor = at;
      next_anchor *= 2;
    }
    at = directories.next(*end);
  }
  return std::max(count, 1);
}

bool tiff_directory_is_cut(ByteView bytes) {
  if (bytes.size() < 16) return true;
  const Directories directories(bytes);
  return !directories.end_of(directories.first());
}

bool tiff_fields_are_cut(ByteView bytes) {
  if (bytes.size() < 16) return true;
  const Directories directories(bytes);
  const auto end = directories.end_of(directories.first());
  return !end || directories.has_cut_fields(directories.first(), *end);
}

bool has_tiff_signature(ByteView bytes) {
  if (bytes.size() < kSignatureBytes) return false;
  for (const char* const signature : {"II*", "MM\0*", "II+", "MM\0+"}) {
    if (std::memcmp(bytes.data(), signature, kSignatureBytes) == 0) return true;
  }
  return false;
}

}  // namespace smol
