#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "backend/reference/reference_backend.h"
#include "backend/simulated/simulated_backend.h"
#include "base/library_folder.h"
#include "smol/backend.h"

namespace smol {
namespace {

void add(BackendRegistry& registry, std::unique_ptr<const Backend> backend) {
  const std::string name(backend->name());
  if (const Status added = registry.add(std::move(backend)); !added.ok()) {
    registry.add_unavailable({name, added.error().message, "give one of them another name"});
  }
}

/// The versions of a library that its Python package, installed beside ours, holds: they are part of the file names. For the
/// message when the plug-in wants another one.
std::string versions_beside(const std::string& name) {
  const std::filesystem::path folder = library_folder() / ".." / name / "libs";
  std::string found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string file = entry.path().filename().string();
    if (file.starts_with("lib" + name + ".so")) found += (found.empty() ? "" : ", ") + file;
  }
  return found.empty() ? "" : "; installed: " + found;
}

/// Loads a backend from a plug-in, or records why it cannot be used. The library stays loaded for the life of the process:
/// its threads and the backend's code live in it.
void add_plug_in(BackendRegistry& registry, const std::string& name, const std::string& built_against,
                 const std::string& remedy) {
  const std::string file = (library_folder() / ("libsmol_backend_" + name + ".so")).string();
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    registry.add_unavailable({name,
                              fmt::format("built against {}{}; {}", built_against, versions_beside(name),
                                          reason != nullptr ? reason : "cannot load " + file),
                              remedy});
    return;
  }
  const auto create = reinterpret_cast<CreateBackendFunction>(dlsym(library, kCreateBackendSymbol));
  std::unique_ptr<const Backend> backend(create != nullptr ? create() : nullptr);
  if (!backend) {
    registry.add_unavailable({name, "the plug-in found no device it can use: " + file, remedy});
    return;
  }
  add(registry, std::move(backend));
}

}  // namespace

BackendRegistry built_in_backends() {
  BackendRegistry registry;
  add(registry, create_reference_backend());
#ifdef SMOL_OPENVINO_VERSION
  add_plug_in(registry, "openvino", "OpenVINO " SMOL_OPENVINO_VERSION,
              "pip install openvino==" SMOL_OPENVINO_VERSION ", the version that this smol was built against");
#else
  registry.add_unavailable({"openvino", "left out of this build", "build with -DSMOL_WITH_OPENVINO=ON"});
#endif
  // After those that it may ask for answers.
  add(registry, create_simulated_backend(registry));
  return registry;
}

}  // namespace smol
