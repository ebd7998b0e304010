#include "backend/model_file.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <vector>

#include "base/digest.h"

namespace smol {

std::string extension_of(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(), [](unsigned char c) { return std::tolower(c); });
  return extension;
}

Result<std::string> digest_of_model(const std::string& path) {
  SMOL_ASSIGN_OR_RETURN(std::string digest, digest_of_file(path));
  const std::vector<std::string> companions{std::filesystem::path(path).replace_extension(".bin").string(), path + ".data",
                                            path + "_data"};
  for (const std::string& companion : companions) {
    std::error_code error;
    if (companion == path || !std::filesystem::is_regular_file(companion, error)) continue;
    SMOL_ASSIGN_OR_RETURN(const std::string weights, digest_of_file(companion));
    digest = digest_of(digest.append(weights));
  }
  return digest;
}

}  // namespace smol
