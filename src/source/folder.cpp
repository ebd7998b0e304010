#include "source/folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "smol/source.h"

namespace smol {
namespace fs = std::filesystem;

Result<std::vector<std::string>> list_files(const std::string& folder, std::int64_t* num_passed_over) {
  std::error_code failure;
  if (!fs::exists(folder, failure)) return Error{ErrorCode::kNotFound, "no such folder: " + folder, Stage::kRead};
  std::vector<std::string> paths;
  fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, failure);
  for (const fs::recursive_directory_iterator end; !failure && walk != end; walk.increment(failure)) {
    const std::string name = walk->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.')) {
      if (walk->is_directory(ignored)) walk.disable_recursion_pending();
      continue;
    }
    if (walk->is_regular_file(ignored)) {
      paths.push_back(walk->path().lexically_relative(folder).generic_string());
    } else if (num_passed_over != nullptr && !walk->is_directory(ignored)) {
      ++*num_passed_over;
    }
  }
  if (failure) return Error{ErrorCode::kIo, "cannot list folder, " + failure.message() + ": " + folder, Stage::kRead};
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool has_picture_extension(const std::string& path) {
  static constexpr std::array<std::string_view, 23> kExtensions{
      ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl",
      ".gif", ".bmp",  ".tif", ".tiff", ".ppm", ".pgm",  ".pnm",  ".mpo",  ".dng",  ".pbm", ".dib"};
  std::string extension = fs::path(path).extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

Result<std::unique_ptr<Source>> open_folder(const std::string& path, const RecognisePicture& recognise) {
  SMOL_ASSIGN_OR_RETURN(const Dataset dataset, open_dataset(path, {recognise, {}, {}, {}}));
  return dataset.open(dataset.renditions.front().name);
}

}  // namespace smol
