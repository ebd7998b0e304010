#pragma once
#include <functional>
#include <string>
#include <vector>

#include "source/random_access.h"
#include "source/store.h"
#include "source/tables.h"

namespace smol {

/// What a name with {0000..0009} or {train,val} stands for, in order; nothing when it has no braces. kInvalidArgument for
/// braces that do not close, ranges that run backwards, and more than a million names.
[[nodiscard]] Result<std::vector<std::string>> expand_braces(const std::string& pattern);
/// A file that holds pictures: an archive, or a table with these columns.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_container(std::shared_ptr<const RandomAccess> file,
                                                                  const std::string& id_prefix, const TableColumns& columns);
/// Whether a name ends as such files do.
[[nodiscard]] bool is_container_name(std::string_view name);
/// The members of several containers one after another, as one store; ids are name!member. One that cannot be read stands as
/// one member that says why; one that is not there is an error.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_containers(
    const std::vector<std::string>& names,
    const std::function<Result<std::shared_ptr<const RandomAccess>>(std::size_t name)>& open, const TableColumns& columns);

}  // namespace smol
