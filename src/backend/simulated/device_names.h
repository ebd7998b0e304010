#pragma once
#include <string>
#include <vector>

namespace smol {

// The descriptions that come with smol have names: devices/nvidia_t4.yaml is "nvidia_t4".

/// Sorted; empty where the files are not installed.
[[nodiscard]] std::vector<std::string> device_names();
/// The file of one of device_names(); empty for other words.
[[nodiscard]] std::string path_of_device(const std::string& name);
/// The name that path_of_device() would give this path for; empty for other files.
[[nodiscard]] std::string device_at(const std::string& path);

}  // namespace smol
