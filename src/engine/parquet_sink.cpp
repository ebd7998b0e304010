#include <fmt/format.h>

#include <filesystem>

#include "engine/arrow_rows.h"
#include "engine/part_file.h"
#include "engine/part_folder.h"
#include "smol/session.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

class ParquetSink final : public Sink {
 public:
  ParquetSink(std::string file, PartFolder folder, std::string folder_path, RowSchema schema, const ParquetOptions& options)
      : file_(std::move(file)),
        folder_(std::move(folder)),
        folder_path_(std::move(folder_path)),
        schema_(std::move(schema)),
        options_(options) {}

  Status write(std::span<const Row> rows) override {
    if (rows.empty()) return {};
    SMOL_ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> batch, to_record_batch(rows, schema_));
    pending_.push_back(std::move(batch));
    pending_rows_ += static_cast<std::int64_t>(rows.size());
    const bool due = std::chrono::steady_clock::now() - part_opened_ >= options_.part_interval;
    return pending_rows_ >= options_.rows_per_part || due ? close_part() : Status{};
  }

  Status finish(bool complete) override {
    SMOL_RETURN_IF_ERROR(close_part());
    if (!complete || file_.empty()) return {};
    if (folder_.parts().empty()) {  // an empty output is a valid file, too
      SMOL_ASSIGN_OR_RETURN(std::shared_ptr<arrow::RecordBatch> none, to_record_batch({}, schema_));
      SMOL_RETURN_IF_ERROR(folder_.write_part({std::move(none)}));
    }
    SMOL_RETURN_IF_ERROR(folder_.merge_into(file_));
    std::error_code ignored;
    fs::remove_all(folder_path_, ignored);
    return {};
  }

  [[nodiscard]] bool has(std::string_view item, std::string_view region, std::string_view fingerprint,
                         int plan) const override {
    return folder_.has(item, region, fingerprint, schema_.plans[plan].hash);
  }
  [[nodiscard]] std::optional<ErrorCode> failure(std::string_view item, std::string_view region,
                                                 std::string_view fingerprint, int plan) const override {
    return folder_.failure(item, region, fingerprint, schema_.plans[plan].hash);
  }

 private:
  Status close_part() {
    part_opened_ = std::chrono::steady_clock::now();
    SMOL_RETURN_IF_ERROR(folder_.write_part(pending_));
    pending_.clear();
    pending_rows_ = 0;
    return {};
  }

  std::string file_;  ///< empty: the folder is the output
  PartFolder folder_;
  std::string folder_path_;
  RowSchema schema_;
  ParquetOptions options_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> pending_;
  std::int64_t pending_rows_ = 0;
  std::chrono::steady_clock::time_point part_opened_ = std::chrono::steady_clock::now();
};

}  // namespace

Status check(const ParquetOptions& options) {
  if (options.resume && options.overwrite) {
    return Error{ErrorCode::kInvalidArgument, "--resume keeps the rows that are there, --overwrite replaces them: give one"};
  }
  if (options.retry_failed && !options.resume) {
    return Error{ErrorCode::kInvalidArgument, "--retry-failed runs failed items of an earlier run again: it needs --resume"};
  }
  return {};
}

Result<std::unique_ptr<Sink>> create_parquet_sink(const std::string& path, std::span<const CompiledPlan> plans,
                                                  const ParquetOptions& options) {
  SMOL_RETURN_IF_ERROR(check(options));
  const bool single = fs::path(path).extension() == ".parquet";
  const std::string file = single ? path : "", folder = single ? path + ".parts" : path;
  if (single && options.num_shards > 1) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("shards write parts into one folder; a file holds one run, and would be replaced by the shard that "
                    "ends last. Name a folder: {}",
                    path),
        Stage::kWrite};
  }
  std::error_code ignored;
  if (!single && fs::is_regular_file(path, ignored)) {
    return Error{ErrorCode::kInvalidArgument, "the output is a file; name a folder, or a file ending in .parquet: " + path,
                 Stage::kWrite};
  }
  if (options.overwrite && single) fs::remove(file, ignored);
  const bool continues_file = single && fs::exists(file, ignored);
  if (continues_file && !options.resume) {
    return Error{ErrorCode::kInvalidArgument,
                 "the output exists; continue with --resume or replace it with --overwrite: " + path, Stage::kWrite};
  }
  RowSchema schema = RowSchema::of(plans, options.stage_times);
  if (continues_file) SMOL_RETURN_IF_ERROR(check_part_file(file, *schema.arrow()));  // before anything is made or moved
  PartFolder parts(folder);
  SMOL_RETURN_IF_ERROR(parts.open(options));
  if (continues_file) SMOL_RETURN_IF_ERROR(parts.adopt(file));
  return std::unique_ptr<Sink>(std::make_unique<ParquetSink>(file, std::move(parts), folder, std::move(schema), options));
}

}  // namespace smol
