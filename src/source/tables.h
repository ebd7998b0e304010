#pragma once
#include <memory>
#include <string>

#include "source/random_access.h"
#include "source/store.h"

namespace smol {

/// Which columns of a table matter; empty: found, or none.
struct TableColumns {
  std::string
      image;       ///< binary, or a struct with a field `bytes`; empty: the only one of that kind, or the one named "image"
  std::string id;  ///< text or whole numbers, unique; empty: items are file.parquet!row
  std::string label;  ///< whole numbers
};
/// The rows of a Parquet table with pictures. They are read in batches of about 16 MB, of which a few are kept. kNotBuilt
/// without Arrow; kInvalidArgument for columns that are not there or of another type.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_table(std::shared_ptr<const RandomAccess> file,
                                                              const std::string& id_prefix, const TableColumns& columns);

}  // namespace smol
