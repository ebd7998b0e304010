// Stands in where Arrow is left out of the build.
#include "source/objects.h"
#include "source/tables.h"

namespace smol {

Result<std::shared_ptr<const Store>> open_table(std::shared_ptr<const RandomAccess> file, const std::string&,
                                                const TableColumns&) {
  return Error{ErrorCode::kNotBuilt, "tables need Arrow; build with SMOL_WITH_PARQUET: " + file->path(), Stage::kRead};
}

Result<std::shared_ptr<const Objects>> list_objects(const std::string& address) {
  return Error{ErrorCode::kNotBuilt, "object storage needs Arrow; build with SMOL_WITH_PARQUET: " + address, Stage::kRead};
}

}  // namespace smol
