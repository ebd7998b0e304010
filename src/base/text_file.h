#pragma once
#include <string>
#include <string_view>

#include "smol/result.h"

namespace smol {

/// A whole small file (cards, label lists, device descriptions). kNotFound, kIo, kLimitExceeded above 64 MiB.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);

/// Replaces the file as a whole and durably: temporary name beside it, fsync, rename. kIo.
[[nodiscard]] Status write_text_file(const std::string& path, std::string_view text);
/// Makes what was written to an existing file or folder durable. kIo.
[[nodiscard]] Status sync_path(const std::string& path);

}  // namespace smol
