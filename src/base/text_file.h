#pragma once
#include <string>

#include "smol/result.h"

namespace smol {

/// A whole small file (cards, label lists, device descriptions). kNotFound, kIo, kLimitExceeded above 64 MiB.
[[nodiscard]] Result<std::string> read_text_file(const std::string& path);

}  // namespace smol
