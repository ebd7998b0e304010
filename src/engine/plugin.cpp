#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "smol/session.h"

namespace smol {

Status load_plugin(Runtime& runtime, const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return Error{ErrorCode::kNotFound, "no such plug-in: " + path};
  // An absolute path, so that the loader does not search for it; never closed, because objects of its classes live on.
  void* library = dlopen(std::filesystem::absolute(path, ignored).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return Error{ErrorCode::kInvalidArgument, fmt::format("cannot load the plug-in: {}", dlerror())};
  using Register = const char* (*)(Runtime&);
  const auto register_plugin = reinterpret_cast<Register>(dlsym(library, "smol_register_v1"));
  if (register_plugin == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 "the plug-in does not export smol_register_v1; was it built for this version of smol: " + path};
  }
  if (const char* why = register_plugin(runtime))
    return Error{ErrorCode::kInvalidArgument, fmt::format("the plug-in declined, {}: {}", why, path)};
  return {};
}

}  // namespace smol
