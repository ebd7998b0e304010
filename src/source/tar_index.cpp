#include "source/tar_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace smol {
namespace {

constexpr std::int64_t kBlock = 512;
// Names and pax records; more is damage.
constexpr std::int64_t kMaxHeaderBytes = std::int64_t{1} << 20;

/// Reads headers in order, several by one read where members are small.
class HeaderReader {
 public:
  explicit HeaderReader(const RandomAccess& file) : file_(file) {}

  /// Bytes [offset, offset + length), fewer at the end; valid until the next call.
  Result<std::span<const std::uint8_t>> read(std::int64_t offset, std::int64_t length) {
    if (offset < begin_ || offset + length > begin_ + held_) {
      constexpr std::int64_t kAtOnce = 64 << 10;
      buffer_.resize(static_cast<std::size_t>(std::max(length, kAtOnce)));
      held_ = 0;
      SMOL_ASSIGN_OR_RETURN(held_, file_.read_at(offset, buffer_));
      begin_ = offset;
    }
    const std::int64_t there = std::min(length, begin_ + held_ - offset);
    return std::span<const std::uint8_t>(buffer_).subspan(static_cast<std::size_t>(offset - begin_),
                                                          static_cast<std::size_t>(there));
  }

 private:
  const RandomAccess& file_;
  std::vector<std::uint8_t> buffer_;
  std::int64_t begin_ = 0, held_ = 0;
};

std::string_view text_of(std::span<const std::uint8_t> field) {
  const std::string_view text(reinterpret_cast<const char*>(field.data()), field.size());
  return text.substr(0, text.find('\0'));
}

// Octal text, or with the first bit set a big-endian number. -1: neither.
std::int64_t number_of(std::span<const std::uint8_t> field) {
  if ((field[0] & 0x80) != 0) {
    std::uint64_t value = field[0] & 0x7F;
    for (const std::uint8_t byte : field.subspan(1)) {
      if (value >> 55 != 0) return -1;
      value = value << 8 | byte;
    }
    return static_cast<std::int64_t>(value);
  }
  std::string_view text = text_of(field);
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (text.empty()) return 0;
  if (failure != std::errc{} || end != text.data() + text.size()) return -1;
  return value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) ? -1
                                                                                      : static_cast<std::int64_t>(value);
}

bool checksum_fits(std::span<const std::uint8_t> header) {
  constexpr std::size_t kBegin = 148, kEnd = 156;
  std::int64_t as_unsigned = 0, as_signed = 0;  // some old programs added signed characters
  for (std::size_t i = 0; i < header.size(); ++i) {
    const std::uint8_t byte = i >= kBegin && i < kEnd ? ' ' : header[i];
    as_unsigned += byte;
    as_signed += static_cast<std::int8_t>(byte);
  }
  const std::int64_t stated = number_of(header.subspan(kBegin, kEnd - kBegin));
  return stated == as_unsigned || stated == as_signed;
}

/// What pax records and GNU long names say of the member that follows.
struct Extended {
  std::optional<std::string> name;
  std::optional<std::int64_t> size_bytes, modified;
  bool sparse = false;
};

// Records are "LENGTH KEY=VALUE\n", the length counting itself. False when they are not.
bool read_pax(std::string_view records, Extended& extended) {
  while (!records.empty() && records.front() != '\0') {
    std::size_t length = 0;
    const auto [end, failure] = std::from_chars(records.data(), records.data() + records.size(), length);
    const auto digits = static_cast<std::size_t>(end - records.data());
    if (failure != std::errc{} || length > records.size() || length < digits + 3 || records[digits] != ' ') return false;
    const std::string_view record = records.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return false;
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    std::int64_t number = 0;
    const bool is_number = std::from_chars(value.data(), value.data() + value.size(), number).ec == std::errc{};
    if (key == "path" && !extended.sparse) extended.name = value;
    if (key == "GNU.sparse.name") extended.name = value;
    if (key == "mtime" && is_number) extended.modified = number;
    if (key == "size") {
      if (!is_number || number < 0) return false;
      extended.size_bytes = number;
    }
    extended.sparse |= key.starts_with("GNU.sparse.");
    records.remove_prefix(length);
  }
  return true;
}

/// One pass over the headers.
class TarReader {
 public:
  explicit TarReader(const RandomAccess& file) : file_(file), headers_(file) {}

  Result<ArchiveIndex> read() {
    bool more = true;
    while (more) {
      Result<bool> next = read_next();
      if (!next.ok()) {
        if (index_.size() == 0 || next.error().code != ErrorCode::kCorrupt) return next.error();
        index_.damage = std::move(next).error();
        break;
      }
      more = *next;
    }
    index_.drop_earlier_of_same_name();
    return std::move(index_);
  }

 private:
  [[nodiscard]] Error damaged(std::string_view what) const {
    return {ErrorCode::kCorrupt,
            fmt::format("the archive is damaged from byte {} on, {}; what was before is read, pack the rest again: {}",
                        position_, what, file_.path()),
            Stage::kRead};
  }

  // False at the end.
  Result<bool> read_next() {
    SMOL_ASSIGN_OR_RETURN(const std::span<const std::uint8_t> read, headers_.read(position_, kBlock));
    if (read.empty() && position_ > 0) return false;  // some programs write no end mark
    if (std::ssize(read) < kBlock) return damaged("a header is cut off");
    std::array<std::uint8_t, kBlock> header{};
    std::copy(read.begin(), read.end(), header.begin());
    if (std::all_of(header.begin(), header.end(), [](std::uint8_t byte) { return byte == 0; })) return false;
    const std::span<const std::uint8_t> view(header);
    if (!checksum_fits(view)) return damaged("a header's checksum is wrong");
    std::int64_t size = number_of(view.subspan(124, 12));
    const char type = static_cast<char>(header[156]);
    const bool describes_next = type == 'x' || type == 'g' || type == 'L' || type == 'K';
    if (!describes_next && extended_.size_bytes) size = *extended_.size_bytes;
    const std::int64_t data = position_ + kBlock;
    if (size < 0 || size > std::numeric_limits<std::int64_t>::max() / 2) return damaged("a header states no size");
    const std::int64_t next = data + (size + kBlock - 1) / kBlock * kBlock;
    if (describes_next) {
      SMOL_RETURN_IF_ERROR(read_extension(type, data, size));
    } else {
      add_member(view, type, data, size);
      extended_ = {};
    }
    if (data + size > file_.size_bytes()) return damaged("its last member is cut off");
    position_ = next;
    return true;
  }

  Status read_extension(char type, std::int64_t data, std::int64_t size) {
    if (size > kMaxHeaderBytes) return damaged("a name is longer than 1 MB");
    SMOL_ASSIGN_OR_RETURN(const std::span<const std::uint8_t> bytes, headers_.read(data, size));
    if (std::ssize(bytes) < size) return damaged("a name is cut off");
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (type == 'L') extended_.name = text.substr(0, text.find('\0'));
    if (type == 'x' && !read_pax(text, extended_)) return damaged("an extended header is no list of records");
    return {};
  }

  void add_member(std::span<const std::uint8_t> header, char type, std::int64_t data, std::int64_t size) {
    constexpr std::string_view kFiles(
        "0\0"
        "7S",
        4);
    if (kFiles.find(type) == std::string_view::npos) return;
    std::string name;
    if (extended_.name) {
      name = *extended_.name;
    } else {
      const std::string_view prefix = text_of(header.subspan(345, 155));
      const bool is_ustar = text_of(header.subspan(257, 6)) == "ustar";  // GNU's own form ends in a blank, without a prefix
      if (is_ustar && !prefix.empty()) name = std::string(prefix) + "/";
      name += text_of(header.subspan(0, 100));
    }
    const std::string_view plain = plain_member_name(name);
    if (plain.empty() || plain.ends_with('/')) return;
    ArchiveIndex::Member member;
    member.offset = data;
    member.size_bytes = member.stored_bytes = std::clamp<std::int64_t>(file_.size_bytes() - data, 0, size);
    member.stamp = extended_.modified.value_or(number_of(header.subspan(136, 12)));
    if (type == 'S' || extended_.sparse) member.refusal = ArchiveIndex::Refusal::kSparse;
    index_.add(plain, member);
  }

  const RandomAccess& file_;
  HeaderReader headers_;
  ArchiveIndex index_;
  Extended extended_;
  std::int64_t position_ = 0;
};

}  // namespace

Result<ArchiveIndex> read_tar_index(const RandomAccess& file) { return TarReader(file).read(); }

}  // namespace smol
