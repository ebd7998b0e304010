#include "source/archive.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "source/tar_index.h"
#include "source/zip_index.h"

namespace smol {
namespace {

bool ends_with_any(std::string_view name, std::span<const std::string_view> endings) {
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 'a' - 'A') : c;
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) { return lower.ends_with(ending); });
}

class Archive final : public Store {
 public:
  Archive(std::shared_ptr<const RandomAccess> file, ArchiveIndex index, std::string id_prefix, bool is_zip)
      : file_(std::move(file)), index_(std::move(index)), id_prefix_(std::move(id_prefix)), is_zip_(is_zip) {}

  [[nodiscard]] std::int64_t size() const override { return index_.size() + (index_.damage ? 1 : 0); }
  [[nodiscard]] std::string id_of(std::int64_t member) const override {
    return fmt::format("{}!{}", id_prefix_, name_of(member));
  }
  [[nodiscard]] std::string path_of(std::int64_t member) const override {
    return fmt::format("{}!{}", file_->path(), name_of(member));
  }
  [[nodiscard]] Facts facts_of(std::int64_t member) const override {
    if (member >= index_.size()) return {0, file_->fingerprint()};
    const ArchiveIndex::Member& entry = index_[member];
    if (is_zip_) return {entry.size_bytes, fmt::format("{}:crc32:{:08x}", entry.size_bytes, entry.stamp)};
    // Archives are packed with times of zero; then only the archive's own time tells contents apart.
    return {entry.size_bytes, fmt::format("{}:{}@{}+{}", entry.size_bytes, entry.stamp, file_->fingerprint(), entry.offset)};
  }
  Status read_range(std::int64_t member, std::int64_t offset, std::int64_t length,
                    std::vector<std::uint8_t>& buffer) const override {
    if (member >= index_.size()) return *index_.damage;
    const ArchiveIndex::Member& entry = index_[member];
    if (entry.refusal != ArchiveIndex::Refusal::kNone) return refusal_of(entry, path_of(member));
    if (entry.size_bytes > Source::kToTheEnd) {
      return Error{ErrorCode::kLimitExceeded,
                   fmt::format("the member is larger than the limit of {} bytes: {} bytes, {}", Source::kToTheEnd,
                               entry.size_bytes, path_of(member)),
                   Stage::kRead};
    }
    if (is_zip_) return read_zip_member(*file_, entry, path_of(member), offset, length, buffer);
    const std::int64_t begin = std::min(offset, entry.size_bytes);
    size_buffer(buffer, std::min(length, entry.size_bytes - begin));
    SMOL_ASSIGN_OR_RETURN(const std::int64_t got, file_->read_at(entry.offset + begin, buffer));
    buffer.resize(static_cast<std::size_t>(got));
    return {};
  }

 private:
  [[nodiscard]] std::string_view name_of(std::int64_t member) const {
    return member < index_.size() ? index_.name_of(member) : "(damaged from here on)";
  }

  std::shared_ptr<const RandomAccess> file_;
  ArchiveIndex index_;
  std::string id_prefix_;
  bool is_zip_;
};

// What a compressed tar begins with.
std::string_view compression_of(std::span<const std::uint8_t> first) {
  struct Magic {
    std::string_view bytes, remedy;
  };
  static constexpr std::array<Magic, 4> kMagics{Magic{"\x1f\x8b", "gunzip"}, Magic{"\x28\xb5\x2f\xfd", "unzstd"},
                                                Magic{"BZh", "bunzip2"},
                                                Magic{"\xfd"
                                                      "7zXZ",
                                                      "unxz"}};
  const std::string_view text(reinterpret_cast<const char*>(first.data()), first.size());
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.remedy;
  }
  return {};
}

}  // namespace

bool is_archive_name(std::string_view name) {
  static constexpr std::array<std::string_view, 2> kEndings{".tar", ".zip"};
  return ends_with_any(name, kEndings);
}

bool is_compressed_archive_name(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kEndings{".tar.gz", ".tgz",    ".tar.zst", ".tzst",   ".tar.bz2",
                                                            ".tbz2",   ".tar.xz", ".txz",     ".tar.lz4"};
  return ends_with_any(name, kEndings);
}

Result<std::shared_ptr<const Store>> open_archive(std::shared_ptr<const RandomAccess> file, const std::string& id_prefix) {
  std::array<std::uint8_t, 8> first{};
  SMOL_ASSIGN_OR_RETURN(const std::int64_t got, file->read_at(0, first));
  const std::span<const std::uint8_t> bytes(first.data(), static_cast<std::size_t>(got));
  if (const std::string_view remedy = compression_of(bytes); !remedy.empty() || is_compressed_archive_name(file->path())) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("a compressed tar cannot be read at random, and pictures hardly shrink by it; undo it with `{}`, "
                    "or pack a zip: {}",
                    remedy.empty() ? "the program that packed it" : remedy, file->path()),
        Stage::kRead};
  }
  const bool is_zip = looks_like_zip(bytes) || file->path().ends_with(".zip");
  Result<ArchiveIndex> index = is_zip ? read_zip_index(*file) : read_tar_index(*file);
  if (!index.ok()) return std::move(index).error();
  return std::shared_ptr<const Store>(std::make_shared<Archive>(std::move(file), *std::move(index), id_prefix, is_zip));
}

}  // namespace smol
