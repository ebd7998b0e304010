#include "source/rendition_index.h"

#include <fmt/format.h>

#include <algorithm>

#include "source/folder.h"
#include "source/join_key.h"
#include "source/store.h"
#include "source/videos.h"

namespace smol {
namespace fs = std::filesystem;

std::string resolve(const fs::path& folder, const std::string& path) {
  if (is_address(path)) return path;
  return fs::path(path).is_absolute() ? path : (folder / path).lexically_normal().string();
}

Result<std::string> choose_match(const Dataset::Rendition& rendition, const std::string& item_id,
                                 std::vector<std::string> matches) {
  // Notes may lie beside pictures: a.jpg with a.txt.
  const auto has_extension = has_video_extension(item_id) ? has_video_extension : has_picture_extension;
  if (std::any_of(matches.begin(), matches.end(), has_extension))
    std::erase_if(matches, [&](const std::string& match) { return !has_extension(match); });
  if (matches.size() == 1) return std::move(matches.front());
  if (matches.empty()) {
    return Error{ErrorCode::kNotFound, fmt::format("rendition '{}' has no file for item '{}'", rendition.name, item_id),
                 Stage::kRead};
  }
  std::sort(matches.begin(), matches.end());
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("rendition '{}' has {} files for item '{}', keep one: {}", rendition.name, matches.size(),
                           item_id, fmt::join(matches, ", ")),
               Stage::kRead};
}

RenditionIndex::RenditionIndex(const Dataset::Rendition& rendition) : rendition_(rendition) {
  Result<std::vector<std::string>> files = list_files(rendition.path);
  if (!files.ok()) return;  // every item will then say that it is missing
  for (const std::string& file : *files) by_stem_[stem_of(file)].push_back(file);
}

Result<std::string> RenditionIndex::locate(const std::string& item_id) const {
  std::vector<std::string> matches;
  auto found = by_stem_.find(join_key_of(item_id));
  if (found == by_stem_.end()) found = by_stem_.find(inner_key_of(item_id));
  if (found != by_stem_.end()) {
    for (const std::string& file : found->second) matches.push_back(resolve(rendition_.path, file));
  }
  return choose_match(rendition_, item_id, std::move(matches));
}

}  // namespace smol
