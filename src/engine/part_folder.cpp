#include "engine/part_folder.h"

#include <arrow/io/file.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/text_file.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

// Readers of Parquet folders pass over names that begin with an underscore.
constexpr std::string_view kJournal = "_journal.jsonl";

std::shared_ptr<parquet::WriterProperties> writer_properties() {
  return parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
}

// The Arrow schema is kept in the file, so that fixed-size lists come back as such.
std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties() {
  return parquet::ArrowWriterProperties::Builder().store_schema()->build();
}

arrow::Status write_batches(const std::string& path, const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::Table> table, arrow::Table::FromRecordBatches(batches));
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::FileOutputStream::Open(path));
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), file, 1 << 20, writer_properties(),
                                                 arrow_properties()));
  return file->Close();
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_part(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  return parquet::arrow::OpenFile(file, arrow::default_memory_pool());
}

// Row group by row group, so that merging needs little memory.
arrow::Status merge_parts(const std::string& folder, const std::vector<std::string>& parts, const std::string& path) {
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  ARROW_ASSIGN_OR_RAISE(const auto output, arrow::io::FileOutputStream::Open(path));
  for (const std::string& part : parts) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, open_part((fs::path(folder) / part).string()));
    if (!writer) {
      std::shared_ptr<arrow::Schema> schema;
      ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
      ARROW_ASSIGN_OR_RAISE(writer, parquet::arrow::FileWriter::Open(*schema, arrow::default_memory_pool(), output,
                                                                     writer_properties(), arrow_properties()));
    }
    for (int group = 0; group < reader->num_row_groups(); ++group) {
      std::shared_ptr<arrow::Table> table;
      ARROW_ASSIGN_OR_RAISE(table, reader->ReadRowGroup(group));
      ARROW_RETURN_NOT_OK(writer->WriteTable(*table, std::max<std::int64_t>(table->num_rows(), 1)));
    }
  }
  if (writer) ARROW_RETURN_NOT_OK(writer->Close());
  return output->Close();
}

arrow::Result<std::shared_ptr<arrow::Table>> read_key_columns(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, open_part(path));
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  // Leaf column numbers: nested columns come after the keys we read first and before the last two.
  const parquet::SchemaDescriptor* leaves = reader->parquet_reader()->metadata()->schema();
  std::vector<int> columns;
  for (const char* name : {"item", "region", "fingerprint", "plan_hash"}) {
    const int column = leaves->ColumnIndex(std::string(name));
    if (column < 0) return arrow::Status::Invalid("no column ", name);
    columns.push_back(column);
  }
  std::shared_ptr<arrow::Table> table;
  ARROW_ASSIGN_OR_RAISE(table, reader->ReadTable(columns));
  return table->CombineChunks();
}

std::string_view text_at(const arrow::Table& table, const char* column, std::int64_t row) {
  const std::shared_ptr<arrow::ChunkedArray> chunks = table.GetColumnByName(column);
  const auto& array = static_cast<const arrow::StringArray&>(*chunks->chunk(0));
  return array.IsNull(row) ? std::string_view{} : array.GetView(row);
}

}  // namespace

PartFolder::Key PartFolder::key_of(std::string_view item, std::string_view region, std::string_view fingerprint,
                                   std::string_view plan_hash) {
  std::string text;
  for (std::string_view field : {item, region, fingerprint, plan_hash}) {
    text += field;
    text += '\0';
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

bool PartFolder::has(std::string_view item, std::string_view region, std::string_view fingerprint,
                     std::string_view plan_hash) const {
  return !done_.empty() && done_.contains(key_of(item, region, fingerprint, plan_hash));
}

Status PartFolder::open(bool resume) {
  std::error_code failure;
  fs::create_directories(folder_, failure);
  if (failure)
    return Error{ErrorCode::kIo, "cannot make the output folder, " + failure.message() + ": " + folder_, Stage::kWrite};
  for (const auto& entry : fs::directory_iterator(folder_, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("_" + part_prefix_) && name.ends_with(".tmp")) fs::remove(entry.path(), failure);
    if (!name.starts_with(part_prefix_)) continue;
    if (name.ends_with(".parquet")) {
      parts_.push_back(name);
    }
  }
  std::sort(parts_.begin(), parts_.end());
  if (!parts_.empty() && !resume) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the output already holds {} part files; continue with --resume or replace it with --overwrite: {}",
                    parts_.size(), folder_),
        Stage::kWrite};
  }
  for (const std::string& part : parts_) {
    SMOL_RETURN_IF_ERROR(read_keys(part));
    const std::string number = part.substr(part_prefix_.size());
    next_part_ = std::max(next_part_, std::atoi(number.c_str()) + 1);
  }
  return {};
}

Status PartFolder::read_keys(const std::string& part) {
  const std::string path = (fs::path(folder_) / part).string();
  const arrow::Result<std::shared_ptr<arrow::Table>> read = read_key_columns(path);
  if (!read.ok()) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("cannot read a part of the earlier run; delete it to do its items again ({}): {}",
                             read.status().message(), path),
                 Stage::kWrite};
  }
  const arrow::Table& table = **read;
  for (std::int64_t row = 0; row < table.num_rows(); ++row) {
    done_.insert(key_of(text_at(table, "item", row), text_at(table, "region", row), text_at(table, "fingerprint", row),
                        text_at(table, "plan_hash", row)));
  }
  return {};
}

Status PartFolder::write_part(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  if (batches.empty()) return {};
  const std::string name = fmt::format("{}{:06}.parquet", part_prefix_, next_part_);
  const std::string path = (fs::path(folder_) / name).string();
  const std::string temporary = (fs::path(folder_) / ("_" + name + ".tmp")).string();
  if (const arrow::Status written = write_batches(temporary, batches); !written.ok()) {
    return from_arrow(written, "cannot write part file " + path);
  }
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot rename a part file into place, {}: {}", std::strerror(errno), path),
                 Stage::kWrite};
  }
  SMOL_RETURN_IF_ERROR(sync_path(folder_));
  ++next_part_;
  parts_.push_back(name);
  std::int64_t num_rows = 0;
  for (const auto& batch : batches) num_rows += batch->num_rows();
  return record(name, num_rows);
}

Status PartFolder::adopt(const std::string& file) {
  const std::string name = fmt::format("{}{:06}.parquet", part_prefix_, next_part_);
  std::error_code failure;
  fs::rename(file, fs::path(folder_) / name, failure);
  if (failure)
    return Error{ErrorCode::kIo, "cannot move the earlier output into the parts folder, " + failure.message() + ": " + file,
                 Stage::kWrite};
  ++next_part_;
  parts_.push_back(name);
  SMOL_RETURN_IF_ERROR(read_keys(name));
  return record(name, static_cast<std::int64_t>(done_.size()));
}

Status PartFolder::record(const std::string& part, std::int64_t num_rows) const {
  const std::string path = (fs::path(folder_) / kJournal).string();
  const std::string line = fmt::format("{{\"part\":\"{}\",\"rows\":{}}}\n", part, num_rows);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written =
      file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0) ::close(file);
  if (!written)
    return Error{ErrorCode::kIo, fmt::format("cannot record a part in the journal, {}: {}", std::strerror(why), path),
                 Stage::kWrite};
  return {};
}

Status PartFolder::merge_into(const std::string& path) const {
  const std::string temporary = path + ".tmp";
  if (const arrow::Status merged = merge_parts(folder_, parts_, temporary); !merged.ok()) {
    return from_arrow(merged, "cannot merge parts into " + path);
  }
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot rename the merged file into place, {}: {}", std::strerror(errno), path),
                 Stage::kWrite};
  }
  return {};
}

}  // namespace smol
