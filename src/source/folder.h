#pragma once
#include <string>
#include <vector>

#include "smol/result.h"

namespace smol {

/// Paths of all regular files under `folder`, relative to it, sorted bytewise; hidden files and folders are skipped,
/// symbolic links to files followed. kNotFound, kIo.
[[nodiscard]] Result<std::vector<std::string>> list_files(const std::string& folder);

/// Whether the extension is one that pictures have; folders may hold other files beside them (labels.csv, README).
[[nodiscard]] bool has_picture_extension(const std::string& path);

}  // namespace smol
