#pragma once
#include <filesystem>

namespace smol {

/// The folder of the library (or program) that this code is linked into: plug-ins and shared files are found from it.
[[nodiscard]] std::filesystem::path library_folder();

}  // namespace smol
