#include <fmt/format.h>
#include <fmt/ranges.h>

#include "smol/backend.h"

namespace smol {

Status BackendRegistry::add(std::unique_ptr<const Backend> backend) {
  for (const auto& known : backends_) {
    if (known->name() == backend->name()) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("a backend of this name is registered already: {}", known->name())};
    }
  }
  backends_.push_back(std::move(backend));
  return {};
}

void BackendRegistry::add_unavailable(UnavailableBackend entry) { unavailable_.push_back(std::move(entry)); }

Result<const Backend*> BackendRegistry::find(std::string_view name) const {
  std::vector<std::string_view> names;
  for (const auto& backend : backends_) {
    if (backend->name() == name) return backend.get();
    names.push_back(backend->name());
  }
  for (const UnavailableBackend& entry : unavailable_) {
    if (entry.name != name) continue;
    return Error{ErrorCode::kNotBuilt, fmt::format("backend {} is not available here: {}. Remedy: {}. Available: {}", name,
                                                   entry.reason, entry.remedy, fmt::join(names, ", "))};
  }
  return Error{ErrorCode::kNotFound, fmt::format("no such backend; available: {}: {}", fmt::join(names, ", "), name)};
}

}  // namespace smol
