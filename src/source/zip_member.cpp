#include <fmt/format.h>
#include <libdeflate.h>

#include <algorithm>
#include <array>
#include <memory>

#include "source/store.h"
#include "source/zip_index.h"

namespace smol {
namespace {

constexpr std::int64_t kLocalBytes = 30;

Error corrupt(std::string_view what, const std::string& path) {
  return {ErrorCode::kCorrupt, fmt::format("the member of the archive is damaged, {}: {}", what, path), Stage::kRead};
}

// Where a member's bytes begin, which its own header says: its extra field need not be as long as in the directory.
Result<std::int64_t> find_data(const RandomAccess& file, const ArchiveIndex::Member& member, const std::string& path) {
  std::array<std::uint8_t, kLocalBytes> header{};
  SMOL_ASSIGN_OR_RETURN(const std::int64_t got, file.read_at(member.offset, header));
  constexpr std::array<std::uint8_t, 4> kMark{'P', 'K', 3, 4};
  if (got < kLocalBytes || !std::equal(kMark.begin(), kMark.end(), header.begin())) return corrupt("it has no header", path);
  return member.offset + kLocalBytes + (header[26] | header[27] << 8) + (header[28] | header[29] << 8);
}

Status check_crc(const ArchiveIndex::Member& member, std::span<const std::uint8_t> content, const std::string& path) {
  if (static_cast<std::int64_t>(libdeflate_crc32(0, content.data(), content.size())) == member.stamp) return {};
  return corrupt("its checksum is wrong", path);
}

Status inflate(const RandomAccess& file, const ArchiveIndex::Member& member, std::int64_t data, const std::string& path,
               std::vector<std::uint8_t>& buffer) {
  struct Free {
    void operator()(libdeflate_decompressor* decompressor) const { libdeflate_free_decompressor(decompressor); }
  };
  // One a thread, reused: members are read by the thousand.
  thread_local std::unique_ptr<libdeflate_decompressor, Free> decompressor(libdeflate_alloc_decompressor());
  thread_local std::vector<std::uint8_t> compressed;
  if (!decompressor) return Error{ErrorCode::kOutOfMemory, "not enough memory to inflate: " + path, Stage::kRead};
  size_buffer(compressed, member.stored_bytes);
  SMOL_ASSIGN_OR_RETURN(const std::int64_t got, file.read_at(data, compressed));
  size_buffer(buffer, member.size_bytes);
  std::size_t written = 0;
  const libdeflate_result result = libdeflate_deflate_decompress(
      decompressor.get(), compressed.data(), static_cast<std::size_t>(got), buffer.data(), buffer.size(), &written);
  if (result != LIBDEFLATE_SUCCESS || written != buffer.size())
    return corrupt("it does not inflate to the size that the archive states", path);
  return check_crc(member, buffer, path);
}

}  // namespace

Status read_zip_member(const RandomAccess& file, const ArchiveIndex::Member& member, const std::string& path,
                       std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer) {
  SMOL_ASSIGN_OR_RETURN(const std::int64_t data, find_data(file, member, path));
  const std::int64_t begin = std::clamp<std::int64_t>(offset, 0, member.size_bytes);
  const std::int64_t size = std::clamp<std::int64_t>(length, 0, member.size_bytes - begin);
  if (member.method != 0) {
    SMOL_RETURN_IF_ERROR(inflate(file, member, data, path, buffer));
    if (size == member.size_bytes) return {};
    buffer.erase(buffer.begin(), buffer.begin() + begin);
    buffer.resize(static_cast<std::size_t>(size));
    return {};
  }
  size_buffer(buffer, size);
  SMOL_ASSIGN_OR_RETURN(const std::int64_t got, file.read_at(data + begin, buffer));
  buffer.resize(static_cast<std::size_t>(got));
  return size == member.size_bytes ? check_crc(member, buffer, path) : Status{};
}

}  // namespace smol
