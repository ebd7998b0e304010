#include "source/zip_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace smol {
namespace {

constexpr std::uint32_t kLocalMark = 0x04034b50, kEntryMark = 0x02014b50, kEndMark = 0x06054b50, kEnd64Mark = 0x06064b50,
                        kLocator64Mark = 0x07064b50;
constexpr std::int64_t kLocalBytes = 30, kEntryBytes = 46, kEndBytes = 22, kEnd64Bytes = 56, kLocator64Bytes = 20;
constexpr std::uint32_t kIn64 = 0xFFFFFFFF;
constexpr std::uint16_t kEncrypted = 1, kSizesFollow = 8, kHeadersEncrypted = 1 << 13;

template <typename T>
T number_at(std::span<const std::uint8_t> bytes, std::int64_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    value = static_cast<T>(value | static_cast<T>(bytes[static_cast<std::size_t>(at) + i]) << (8 * i));
  return value;
}

/// Where the central directory is.
struct Directory {
  std::int64_t begin = 0, size_bytes = 0;
  std::int64_t shift = 0;  ///< to add to every offset: what was put in front of the archive (a self-extracting program)
};

/// One pass over what describes the members.
class ZipReader {
 public:
  explicit ZipReader(const RandomAccess& file) : file_(file) {}

  Result<ArchiveIndex> read() {
    SMOL_ASSIGN_OR_RETURN(const std::optional<Directory> directory, find_directory());
    Status got = directory ? read_directory(*directory) : walk_local_headers();
    if (!got.ok()) {
      if (index_.size() == 0 || got.error().code != ErrorCode::kCorrupt) return std::move(got).error();
      index_.damage = std::move(got).error();
    }
    index_.drop_earlier_of_same_name();
    return std::move(index_);
  }

 private:
  [[nodiscard]] Error damaged(std::string_view what) const {
    return {ErrorCode::kCorrupt,
            fmt::format("the archive is damaged, {}; what was before is read, pack the rest again: {}", what, file_.path()),
            Stage::kRead};
  }

  // Bytes [offset, offset + length), fewer at the end.
  Result<std::vector<std::uint8_t>> bytes_at(std::int64_t offset, std::int64_t length) {
    std::vector<std::uint8_t> bytes(static_cast<std::size_t>(length));
    SMOL_ASSIGN_OR_RETURN(const std::int64_t got, file_.read_at(offset, bytes));
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
  }

  Result<std::optional<Directory>> find_directory() {
    constexpr std::int64_t kMaxComment = 65'535;
    const std::int64_t tail = std::min(file_.size_bytes(), kEndBytes + kMaxComment);
    const std::int64_t begin = file_.size_bytes() - tail;
    SMOL_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> bytes, bytes_at(begin, tail));
    for (std::int64_t at = std::ssize(bytes) - kEndBytes; at >= 0; --at) {
      if (number_at<std::uint32_t>(bytes, at) != kEndMark) continue;
      if (at + kEndBytes + number_at<std::uint16_t>(bytes, at + 20) > std::ssize(bytes)) continue;
      return directory_of(bytes, at, begin + at);
    }
    return std::optional<Directory>{};
  }

  Result<std::optional<Directory>> directory_of(std::span<const std::uint8_t> tail, std::int64_t at, std::int64_t end) {
    Directory directory{number_at<std::uint32_t>(tail, at + 16), number_at<std::uint32_t>(tail, at + 12), 0};
    const bool in_64 =
        directory.begin == kIn64 || directory.size_bytes == kIn64 || number_at<std::uint16_t>(tail, at + 10) == 0xFFFF;
    if (in_64 && at >= kLocator64Bytes && number_at<std::uint32_t>(tail, at - kLocator64Bytes) == kLocator64Mark) {
      const auto stated = number_at<std::uint64_t>(tail, at - kLocator64Bytes + 8);
      // Right in front of its locator, unless the record has an extension.
      const std::int64_t near = end - kLocator64Bytes - kEnd64Bytes;
      for (const std::int64_t place : {near, static_cast<std::int64_t>(std::min<std::uint64_t>(stated, INT64_MAX / 2))}) {
        if (place < 0 || place > file_.size_bytes()) continue;
        SMOL_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> record, bytes_at(place, kEnd64Bytes));
        if (std::ssize(record) < kEnd64Bytes || number_at<std::uint32_t>(record, 0) != kEnd64Mark) continue;
        directory.size_bytes = number_at<std::int64_t>(record, 40);
        directory.begin = number_at<std::int64_t>(record, 48);
        end = place;
        break;
      }
    }
    if (directory.size_bytes < 0 || directory.begin < 0 || directory.size_bytes > end)
      return Error{ErrorCode::kCorrupt, "the archive's central directory does not lie in it: " + file_.path(), Stage::kRead};
    const std::int64_t actual = end - directory.size_bytes;
    directory.shift = directory.begin <= actual ? actual - directory.begin : 0;
    directory.begin += directory.shift;
    return std::optional(directory);
  }

  Status read_directory(const Directory& directory) {
    constexpr std::int64_t kAtOnce = std::int64_t{1} << 20;  // more than any one entry
    const std::int64_t end = directory.begin + directory.size_bytes;
    std::int64_t position = directory.begin;
    while (position < end) {
      SMOL_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> bytes, bytes_at(position, std::min(kAtOnce, end - position)));
      std::int64_t at = 0;
      while (at < std::ssize(bytes)) {
        const std::span<const std::uint8_t> rest =
            std::span<const std::uint8_t>(bytes).subspan(static_cast<std::size_t>(at));
        const std::int64_t length = entry_bytes(rest);
        if (length > std::ssize(rest) && at > 0 && position + std::ssize(bytes) < end) break;  // read on from here
        if (length < 0 || length > std::ssize(rest)) {
          return damaged(fmt::format("an entry of its central directory is not one (byte {})", position + at));
        }
        add_entry(rest.first(static_cast<std::size_t>(length)), directory.shift);
        at += length;
      }
      if (at == 0) return damaged("its central directory ends early");
      position += at;
    }
    return {};
  }

  // -1: no entry; more than there is: cut off.
  static std::int64_t entry_bytes(std::span<const std::uint8_t> bytes) {
    if (std::ssize(bytes) < kEntryBytes) return kEntryBytes;
    if (number_at<std::uint32_t>(bytes, 0) != kEntryMark) return -1;
    return kEntryBytes + number_at<std::uint16_t>(bytes, 28) + number_at<std::uint16_t>(bytes, 30) +
           number_at<std::uint16_t>(bytes, 32);
  }

  void add_entry(std::span<const std::uint8_t> entry, std::int64_t shift) {
    const auto name_bytes = number_at<std::uint16_t>(entry, 28), extra_bytes = number_at<std::uint16_t>(entry, 30);
    ArchiveIndex::Member member;
    member.method = number_at<std::uint16_t>(entry, 10);
    member.stamp = number_at<std::uint32_t>(entry, 16);
    member.stored_bytes = number_at<std::uint32_t>(entry, 20);
    member.size_bytes = number_at<std::uint32_t>(entry, 24);
    member.offset = number_at<std::uint32_t>(entry, 42);
    const std::span<const std::uint8_t> extra = entry.subspan(kEntryBytes + name_bytes, extra_bytes);
    read_sizes_64(extra, {&member.size_bytes, &member.stored_bytes, &member.offset});
    member.offset += shift;
    add(entry.subspan(kEntryBytes, name_bytes), number_at<std::uint16_t>(entry, 8), member);
  }

  // The fields that were too small hold all ones; what they stand for follows in this order.
  static void read_sizes_64(std::span<const std::uint8_t> extra, std::initializer_list<std::int64_t*> fields) {
    constexpr std::uint16_t kTag = 1;
    while (extra.size() >= 4) {
      const auto tag = number_at<std::uint16_t>(extra, 0), length = number_at<std::uint16_t>(extra, 2);
      std::span<const std::uint8_t> record = extra.subspan(4, std::min<std::size_t>(length, extra.size() - 4));
      extra = extra.subspan(4 + record.size());
      if (tag != kTag) continue;
      for (std::int64_t* field : fields) {
        if (*field != kIn64 || record.size() < 8) continue;
        *field = number_at<std::int64_t>(record, 0);
        record = record.subspan(8);
      }
    }
  }

  void add(std::span<const std::uint8_t> name, std::uint16_t flags, ArchiveIndex::Member member) {
    using Refusal = ArchiveIndex::Refusal;
    constexpr std::uint32_t kStored = 0, kDeflate = 8, kAes = 99;
    constexpr std::int64_t kMostInflation = 1032, kSlack = 1024;
    const std::string_view plain = plain_member_name({reinterpret_cast<const char*>(name.data()), name.size()});
    if (plain.empty() || plain.ends_with('/')) return;
    const bool in_file = member.offset >= 0 && member.stored_bytes >= 0 && member.size_bytes >= 0 &&
                         member.offset <= file_.size_bytes() && member.stored_bytes <= file_.size_bytes() - member.offset;
    if ((flags & (kEncrypted | kHeadersEncrypted)) != 0 || member.method == kAes) {
      member.refusal = Refusal::kEncrypted;
    } else if (member.method != kStored && member.method != kDeflate) {
      member.refusal = Refusal::kMethod;
    } else if (!in_file || (member.method == kStored && member.stored_bytes != member.size_bytes) ||
               member.size_bytes / kMostInflation > member.stored_bytes + kSlack) {
      member.refusal = Refusal::kDamaged;  // no deflate stream says that much in so little
    }
    index_.add(plain, member);
  }

  // An archive whose end is missing.
  Status walk_local_headers() {
    std::int64_t position = 0;
    while (position < file_.size_bytes()) {
      SMOL_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> header, bytes_at(position, kLocalBytes));
      if (std::ssize(header) < kLocalBytes || number_at<std::uint32_t>(header, 0) != kLocalMark)
        return damaged(fmt::format("it has no central directory and no member at byte {}", position));
      const auto flags = number_at<std::uint16_t>(header, 6), name_bytes = number_at<std::uint16_t>(header, 26),
                 extra_bytes = number_at<std::uint16_t>(header, 28);
      SMOL_ASSIGN_OR_RETURN(const std::vector<std::uint8_t> rest,
                            bytes_at(position + kLocalBytes, std::int64_t{name_bytes} + extra_bytes));
      if (std::ssize(rest) < name_bytes + extra_bytes) return damaged("a member's header is cut off");
      ArchiveIndex::Member member;
      member.offset = position;
      member.method = number_at<std::uint16_t>(header, 8);
      member.stamp = number_at<std::uint32_t>(header, 14);
      member.stored_bytes = number_at<std::uint32_t>(header, 18);
      member.size_bytes = number_at<std::uint32_t>(header, 22);
      read_sizes_64(std::span<const std::uint8_t>(rest).subspan(name_bytes), {&member.size_bytes, &member.stored_bytes});
      const std::int64_t data = position + kLocalBytes + std::ssize(rest);
      if ((flags & kSizesFollow) != 0 || member.stored_bytes < 0 || member.stored_bytes > file_.size_bytes() - data)
        return damaged(fmt::format("its end is missing and the member at byte {} is not whole", position));
      add(std::span<const std::uint8_t>(rest).first(name_bytes), flags, member);
      position = data + member.stored_bytes;
    }
    return damaged("it has no central directory");
  }

  const RandomAccess& file_;
  ArchiveIndex index_;
};

}  // namespace

bool looks_like_zip(std::span<const std::uint8_t> first_bytes) {
  if (first_bytes.size() < 4) return false;
  const auto mark = number_at<std::uint32_t>(first_bytes, 0);
  return mark == kLocalMark || mark == kEndMark;
}

Result<ArchiveIndex> read_zip_index(const RandomAccess& file) { return ZipReader(file).read(); }

}  // namespace smol
