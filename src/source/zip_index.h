#pragma once
#include "source/archive_index.h"
#include "source/random_access.h"

namespace smol {

/// Reads the central directory of a zip, zip64 too. Where it is missing because the end of the file is, the members are
/// found by their own headers as far as those go. Encrypted members and other methods than stored and deflate are refused
/// members. kCorrupt when there is neither; later damage is in the index.
[[nodiscard]] Result<ArchiveIndex> read_zip_index(const RandomAccess& file);
/// Whether the first bytes are those of a zip.
[[nodiscard]] bool looks_like_zip(std::span<const std::uint8_t> first_bytes);

/// Bytes of a member's content. kCorrupt when they do not inflate to what the index states or have another checksum.
Status read_zip_member(const RandomAccess& file, const ArchiveIndex::Member& member, const std::string& path,
                       std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer);

}  // namespace smol
