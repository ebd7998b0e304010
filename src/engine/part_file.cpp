#include "engine/part_file.h"

#include <arrow/io/file.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <array>

#include "engine/arrow_rows.h"

namespace smol {
namespace {

/// Text columns that tell rows apart.
constexpr std::array<const char*, 5> kKeyColumns{"item", "region", "error_code", "fingerprint", "plan_hash"};

std::shared_ptr<parquet::WriterProperties> writer_properties() {
  return parquet::WriterProperties::Builder().compression(parquet::Compression::SNAPPY)->build();
}

// The Arrow schema is kept in the file, so that fixed-size lists come back as such.
std::shared_ptr<parquet::ArrowWriterProperties> arrow_properties() {
  return parquet::ArrowWriterProperties::Builder().store_schema()->build();
}

arrow::Status write_table(const arrow::Table& table, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto file, arrow::io::FileOutputStream::Open(path));
  ARROW_RETURN_NOT_OK(parquet::arrow::WriteTable(table, arrow::default_memory_pool(), file, 1 << 20, writer_properties(),
                                                 arrow_properties()));
  return file->Close();
}

arrow::Status write_batches(const std::string& path, const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::Table> table, arrow::Table::FromRecordBatches(batches));
  return write_table(*table, path);
}

arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> open_part(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto file, arrow::io::ReadableFile::Open(path));
  return parquet::arrow::OpenFile(file, arrow::default_memory_pool());
}

arrow::Status check_columns(parquet::arrow::FileReader& reader) {
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader.GetSchema(&schema));
  for (const char* name : kKeyColumns) {
    const std::shared_ptr<arrow::Field> field = schema->GetFieldByName(name);
    if (!field || field->type()->id() != arrow::Type::STRING) return arrow::Status::Invalid("no text column ", name);
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::Schema>> read_schema(const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, open_part(path));
  ARROW_RETURN_NOT_OK(check_columns(*reader));
  std::shared_ptr<arrow::Schema> schema;
  ARROW_RETURN_NOT_OK(reader->GetSchema(&schema));
  return schema;
}

// Parquet renames what lies inside lists; lengths of embeddings matter.
bool same_columns(const arrow::Schema& one, const arrow::Schema& other) {
  return std::equal(one.fields().begin(), one.fields().end(), other.fields().begin(), other.fields().end(),
                    [](const auto& left, const auto& right) {
                      const bool lists = left->type()->id() == arrow::Type::FIXED_SIZE_LIST &&
                                         right->type()->id() == arrow::Type::FIXED_SIZE_LIST;
                      const auto length = [](const auto& field) {
                        return static_cast<const arrow::FixedSizeListType&>(*field->type()).list_size();
                      };
                      return left->name() == right->name() && left->type()->id() == right->type()->id() &&
                             (!lists || length(left) == length(right));
                    });
}

// Row group by row group, so that merging needs little memory.
arrow::Status merge_parts(const std::vector<std::string>& parts, const std::string& path) {
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  ARROW_ASSIGN_OR_RAISE(const auto output, arrow::io::FileOutputStream::Open(path));
  for (const std::string& part : parts) {
    ARROW_ASSIGN_OR_RAISE(const auto reader, open_part(part));
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
  ARROW_RETURN_NOT_OK(check_columns(*reader));
  // Leaf column numbers: nested columns lie between the keys.
  const parquet::SchemaDescriptor* leaves = reader->parquet_reader()->metadata()->schema();
  std::vector<int> columns;
  columns.reserve(kKeyColumns.size());
  for (const char* name : kKeyColumns) columns.push_back(leaves->ColumnIndex(std::string(name)));
  std::shared_ptr<arrow::Table> table;
  ARROW_ASSIGN_OR_RAISE(table, reader->ReadTable(columns));
  return table->CombineChunks();
}

/// Rows of a table whose key columns have one chunk each. Refers to it.
class KeyRows {
 public:
  explicit KeyRows(const arrow::Table& table) : num_rows_(table.num_rows()) {
    for (std::size_t i = 0; i < kKeyColumns.size(); ++i) {
      const std::shared_ptr<arrow::ChunkedArray> chunks = table.GetColumnByName(kKeyColumns[i]);
      if (chunks->num_chunks() > 0) columns_[i] = static_cast<const arrow::StringArray*>(chunks->chunk(0).get());
    }
  }
  void visit(const std::function<void(const RecordedRow&)>& visit) const {
    for (std::int64_t row = 0; row < num_rows_; ++row) visit(at(row));
  }
  [[nodiscard]] std::int64_t num_rows() const { return num_rows_; }

  [[nodiscard]] RecordedRow at(std::int64_t row) const {
    const auto text = [&](std::size_t column) {
      return columns_[column]->IsNull(row) ? std::string_view{} : columns_[column]->GetView(row);
    };
    RecordedRow recorded{text(0), text(1), text(3), text(4), {}};
    if (!columns_[2]->IsNull(row)) recorded.error = code_of(text(2));
    return recorded;
  }

 private:
  static ErrorCode code_of(std::string_view name) {
    for (int code = 0; code < kNumErrorCodes; ++code) {
      if (name_of(static_cast<ErrorCode>(code)) == name) return static_cast<ErrorCode>(code);
    }
    return ErrorCode::kInternal;
  }

  std::int64_t num_rows_;
  std::array<const arrow::StringArray*, kKeyColumns.size()> columns_{};
};

arrow::Result<std::int64_t> copy_kept_rows(const std::string& path, const std::string& copy,
                                           const std::function<bool(const RecordedRow&)>& keep) {
  ARROW_ASSIGN_OR_RAISE(const auto reader, open_part(path));
  ARROW_RETURN_NOT_OK(check_columns(*reader));
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Table> table, reader->ReadTable());
  ARROW_ASSIGN_OR_RAISE(table, table->CombineChunks());
  const KeyRows rows(*table);
  std::vector<std::shared_ptr<arrow::Table>> kept{table->Slice(0, 0)};
  std::int64_t first = 0;
  for (std::int64_t row = 0; row <= rows.num_rows(); ++row) {
    if (row < rows.num_rows() && keep(rows.at(row))) continue;
    if (row > first) kept.push_back(table->Slice(first, row - first));
    first = row + 1;
  }
  ARROW_ASSIGN_OR_RAISE(const std::shared_ptr<arrow::Table> joined, arrow::ConcatenateTables(kept));
  ARROW_RETURN_NOT_OK(write_table(*joined, copy));
  return joined->num_rows();
}

}  // namespace

Status check_part_file(const std::string& path, const arrow::Schema& schema) {
  const arrow::Result<std::shared_ptr<arrow::Schema>> found = read_schema(path);
  if (!found.ok()) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the file was not written by smol run, so --resume cannot continue it; name another output, or "
                             "replace it with --overwrite ({}): {}",
                             found.status().message(), path),
                 Stage::kWrite};
  }
  if (same_columns(**found, schema)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the file has other columns than this run, with or without --stage-times or for a model with another output, "
               "so --resume cannot continue it; run as before, or name another output: " +
                   path,
               Stage::kWrite};
}

Status visit_rows(const std::string& path, const std::function<void(const RecordedRow&)>& visit) {
  const arrow::Result<std::shared_ptr<arrow::Table>> read = read_key_columns(path);
  if (!read.ok()) {
    return Error{ErrorCode::kCorrupt,
                 fmt::format("cannot read a part of the earlier run; delete it to do its items again, if smol run wrote it "
                             "({}): {}",
                             read.status().message(), path),
                 Stage::kWrite};
  }
  KeyRows(**read).visit(visit);
  return {};
}

void visit_rows(const std::shared_ptr<arrow::RecordBatch>& batch, const std::function<void(const RecordedRow&)>& visit) {
  const std::shared_ptr<arrow::Table> table = arrow::Table::Make(batch->schema(), batch->columns(), batch->num_rows());
  KeyRows(*table).visit(visit);
}

Result<std::int64_t> copy_rows(const std::string& path, const std::string& copy,
                               const std::function<bool(const RecordedRow&)>& keep) {
  const arrow::Result<std::int64_t> kept = copy_kept_rows(path, copy, keep);
  if (!kept.ok()) return from_arrow(kept.status(), "cannot rewrite part file " + path);
  return *kept;
}

Status write_part_file(const std::string& path, const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  const arrow::Status written = write_batches(path, batches);
  return written.ok() ? Status{} : from_arrow(written, "cannot write part file " + path);
}

Status merge_part_files(const std::vector<std::string>& parts, const std::string& path) {
  const arrow::Status merged = merge_parts(parts, path);
  return merged.ok() ? Status{} : from_arrow(merged, "cannot merge parts into " + path);
}

}  // namespace smol
