#include "backend/simulated/device_names.h"

#include <algorithm>
#include <filesystem>

#include "base/library_folder.h"

namespace smol {
namespace {

/// Beside the library in a build tree and in a wheel, elsewhere where the install puts data.
std::filesystem::path devices_folder() {
  std::error_code error;
  std::filesystem::path folder = library_folder() / "share/smol/devices";
  if (!std::filesystem::is_directory(folder, error)) folder = library_folder() / SMOL_DEVICES_FROM_LIBRARY;
  return folder.lexically_normal();
}

}  // namespace

std::vector<std::string> device_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(devices_folder(), error)) {
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string path_of_device(const std::string& name) {
  const std::vector<std::string> names = device_names();
  if (!std::binary_search(names.begin(), names.end(), name)) return "";
  return (devices_folder() / (name + ".yaml")).string();
}

std::string device_at(const std::string& path) {
  const std::string name = std::filesystem::path(path).stem().string();
  return !path.empty() && path_of_device(name) == path ? name : "";
}

}  // namespace smol
