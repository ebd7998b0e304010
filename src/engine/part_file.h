#pragma once
#include <arrow/api.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smol/result.h"

namespace smol {

/// What resuming compares of a row that a Parquet file holds.
struct RecordedRow {
  std::string_view item, region, fingerprint, plan_hash;
  std::optional<ErrorCode> error;
};

/// Whether rows with the columns of `schema` can be added to `path`: a Parquet file that a run wrote with the same columns.
/// kInvalidArgument says why not.
[[nodiscard]] Status check_part_file(const std::string& path, const arrow::Schema& schema);
/// Calls `visit` for each row. kCorrupt.
[[nodiscard]] Status visit_rows(const std::string& path, const std::function<void(const RecordedRow&)>& visit);
void visit_rows(const std::shared_ptr<arrow::RecordBatch>& batch, const std::function<void(const RecordedRow&)>& visit);
/// Writes the rows of `path` for which `keep` is true to `copy`, not synced; says how many there are.
[[nodiscard]] Result<std::int64_t> copy_rows(const std::string& path, const std::string& copy,
                                             const std::function<bool(const RecordedRow&)>& keep);
/// Record batches of one schema as a Parquet file. Not synced.
[[nodiscard]] Status write_part_file(const std::string& path,
                                     const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches);
/// All rows of `parts`, in order, as one file. Not synced.
[[nodiscard]] Status merge_part_files(const std::vector<std::string>& parts, const std::string& path);

}  // namespace smol
