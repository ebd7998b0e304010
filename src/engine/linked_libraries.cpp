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
  std::vector<LinkedLibrary> libraries{
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
  // What the decoder process loads; nothing of it is linked or loaded here. Versions are those of the build.
#ifdef SMOL_AVIF_VERSION
  libraries.push_back({"libavif", SMOL_AVIF_VERSION, "BSD-2-Clause"});
#endif
#ifdef SMOL_HEIC_VERSION
  libraries.push_back({"libheif", SMOL_HEIC_VERSION, "LGPL-3.0-or-later, loads x265: GPL-2.0-or-later", true});
#endif
#ifdef SMOL_JPEG2000_VERSION
  libraries.push_back({"openjpeg", SMOL_JPEG2000_VERSION, "BSD-2-Clause"});
#endif
#ifdef SMOL_JPEGXL_VERSION
  libraries.push_back({"libjxl", SMOL_JPEGXL_VERSION, "BSD-3-Clause"});
#endif
  return libraries;
}

}  // namespace smol
