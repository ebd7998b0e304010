#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace smol::testing {

/// A file or folder of the data that lie beside the repository (SMOL_DATA_DIR names another place); empty when absent.
inline std::string data_path(const std::string& name) {
  const char* folder = std::getenv("SMOL_DATA_DIR");
  const std::filesystem::path path =
      (folder != nullptr ? std::filesystem::path(folder) : std::filesystem::path(SMOL_TESTS_DIR) / "../../shared/data") /
      name;
  return std::filesystem::exists(path) ? path.lexically_normal().string() : "";
}

}  // namespace smol::testing

/// Declares `path`, or skips the test saying so; fails instead where SMOL_REQUIRE_DATA=1.
#define SMOL_DATA_OR_SKIP(path, name)                                                              \
  const std::string path = ::smol::testing::data_path(name);                                       \
  if (path.empty()) {                                                                              \
    const char* required = std::getenv("SMOL_REQUIRE_DATA");                                       \
    if (required != nullptr && std::string(required) == "1") FAIL() << "data missing: " << (name); \
    GTEST_SKIP() << "data missing: " << (name);                                                    \
  }
