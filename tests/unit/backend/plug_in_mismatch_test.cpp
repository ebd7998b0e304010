#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "smol/backend.h"
#include "temporary_folder.h"

namespace smol {
namespace {

using ::testing::HasSubstr;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// A copy of the library and its plug-in, which is made to want a version of OpenVINO that is not there: the core works, and
/// says which versions do not fit.
TEST(PlugInMismatch, NamesBothVersionsAndTheRemedy) {
  const std::filesystem::path build = SMOL_BINARY_DIR;
  const testing::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("smol"));
  std::filesystem::create_directories(folder.path("openvino/libs"));
  folder.write("openvino/libs/libopenvino.so.1111", "");
  std::filesystem::copy_file(build / "libsmol.so", folder.path("smol/libsmol.so"));
  std::string plug_in = read_file(build / "libsmol_backend_openvino.so");
  const std::size_t name = plug_in.find("libopenvino.so.");
  ASSERT_NE(name, std::string::npos);
  plug_in.replace(name + 15, 4, "9999");
  folder.write("smol/libsmol_backend_openvino.so", plug_in);

  void* library = dlopen(folder.path("smol/libsmol.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  ASSERT_NE(library, nullptr) << dlerror();
  // built_in_backends() of that copy.
  const auto list = reinterpret_cast<BackendRegistry (*)()>(dlsym(library, "_ZN4smol17built_in_backendsEv"));
  ASSERT_NE(list, nullptr);
  const BackendRegistry registry = list();
  ASSERT_EQ(registry.unavailable().size(), 1U);
  const UnavailableBackend& openvino = registry.unavailable()[0];
  EXPECT_EQ(openvino.name, "openvino");
  EXPECT_THAT(openvino.reason, HasSubstr("built against OpenVINO 20"));
  EXPECT_THAT(openvino.reason, HasSubstr("libopenvino.so.9999"));
  EXPECT_THAT(openvino.reason, HasSubstr("installed: libopenvino.so.1111"));
  EXPECT_THAT(openvino.remedy, HasSubstr("openvino=="));
  EXPECT_EQ(registry.backends().size(), 2U);  // the library stays loaded: their code is in it
}

}  // namespace
}  // namespace smol
