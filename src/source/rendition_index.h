#pragma once
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include "smol/source.h"

namespace smol {

/// `path` as it is named in `folder`; addresses and absolute paths are themselves.
[[nodiscard]] std::string resolve(const std::filesystem::path& folder, const std::string& path);

/// The file of a rendition that stands for an item, of those that share its name but for the extension: a.jpg and a.png
/// would both answer, and guessing is refused. kNotFound, kInvalidArgument.
[[nodiscard]] Result<std::string> choose_match(const Dataset::Rendition& rendition, const std::string& item_id,
                                               std::vector<std::string> matches);

/// All files of a rendition that is a folder, by relative path and by stem.
class RenditionIndex {
 public:
  RenditionIndex() = default;
  explicit RenditionIndex(const Dataset::Rendition& rendition);
  [[nodiscard]] Result<std::string> locate(const std::string& item_id) const;

 private:
  Dataset::Rendition rendition_;
  std::unordered_map<std::string, std::vector<std::string>> by_stem_;
};

}  // namespace smol
