#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "smol/result.h"

namespace smol {

/// Paths of all regular files under `folder`, relative to it, sorted bytewise; hidden files and folders are skipped,
/// symbolic links to files followed. `num_passed_over`, if given, counts what is neither file nor folder: pipes, sockets,
/// devices, links to nothing. kNotFound, kIo.
[[nodiscard]] Result<std::vector<std::string>> list_files(const std::string& folder,
                                                          std::int64_t* num_passed_over = nullptr);

/// Whether the extension is one that pictures have; folders may hold other files beside them (labels.csv, README).
[[nodiscard]] bool has_picture_extension(const std::string& path);

}  // namespace smol
