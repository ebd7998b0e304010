#pragma once
#include "source/objects.h"
#include "source/store.h"

namespace smol {

/// The objects as pictures; ids are their names.
[[nodiscard]] std::shared_ptr<const Store> store_of_objects(std::shared_ptr<const Objects> objects);

}  // namespace smol
