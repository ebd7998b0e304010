#pragma once
#include "source/archive_index.h"
#include "source/random_access.h"

namespace smol {

/// Reads the headers of a tar once: ustar, pax and GNU long names, sizes beyond 8 GB. Sparse files are refused members;
/// folders, links and devices are no members. kCorrupt when not even the first header is one; later damage is in the index.
[[nodiscard]] Result<ArchiveIndex> read_tar_index(const RandomAccess& file);

}  // namespace smol
