#include "engine/linked_libraries.h"

#include <arrow/config.h>
#include <fmt/format.h>
#include <libdeflate.h>
#include <spng.h>
#include <xxhash.h>
#include <zlib.h>

#include <nlohmann/json.hpp>

namespace smol {

// THIRD_PARTY.md is made by scripts/third_party.py, which knows the same licences; a test compares them.
std::vector<LinkedLibrary> linked_libraries() {
  return {
      {"libjpeg-turbo", SMOL_JPEG_VERSION, "IJG, BSD-3-Clause, Zlib"},
      {"libspng", spng_version_string(), "BSD-2-Clause"},
      {"libdeflate", LIBDEFLATE_VERSION_STRING, "MIT"},
      {"zlib", ZLIB_VERSION, "Zlib"},
      {"libwebp", SMOL_WEBP_VERSION, "BSD-3-Clause"},
      {"libtiff", SMOL_TIFF_VERSION, "libtiff"},
      {"giflib", SMOL_GIF_VERSION, "MIT"},
      {"highway", SMOL_HIGHWAY_VERSION, "Apache-2.0"},
      {"yaml-cpp", SMOL_YAML_CPP_VERSION, "MIT"},
      {"fmt", fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100), "MIT"},
      {"xxhash", fmt::format("{}.{}.{}", XXH_VERSION_MAJOR, XXH_VERSION_MINOR, XXH_VERSION_RELEASE), "BSD-2-Clause"},
      {"nlohmann-json",
       fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH),
       "MIT"},
      {"arrow", arrow::GetBuildInfo().version_string, "Apache-2.0"},
  };
}

}  // namespace smol
