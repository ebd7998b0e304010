#pragma once
#include <optional>
#include <string>
#include <vector>

#include "source/store.h"

namespace smol {

/// What a name with {0000..0009} or {train,val} stands for, in order; nothing when it has no braces. kInvalidArgument for
/// braces that do not close, ranges that run backwards, and more than a million names.
[[nodiscard]] Result<std::vector<std::string>> expand_braces(const std::string& pattern);
/// The members of several archives one after another, as one store; `files` are relative to `folder`, ids are file!member.
/// An archive that cannot be read stands as one member that says why.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_archives(const std::string& folder,
                                                                 const std::vector<std::string>& files);

}  // namespace smol
