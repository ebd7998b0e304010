#pragma once
#include <memory>
#include <string>

#include "source/random_access.h"
#include "source/store.h"

namespace smol {

/// The members of a .tar or .zip, by what its bytes say it is; ids are `id_prefix`!member. Where the archive is damaged, the
/// members before are had and one more stands for the rest, whose error says what is wrong. kUnsupported for a compressed
/// tar, kCorrupt for what is no archive at all.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_archive(std::shared_ptr<const RandomAccess> file,
                                                                const std::string& id_prefix);
/// Whether a name ends as archives do that can be opened: .tar, .zip.
[[nodiscard]] bool is_archive_name(std::string_view name);
/// Whether a name ends as compressed archives do, which cannot be read at random: .tar.gz, .tgz, .tar.zst, ...
[[nodiscard]] bool is_compressed_archive_name(std::string_view name);

}  // namespace smol
