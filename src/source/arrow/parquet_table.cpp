#include <arrow/api.h>
#include <arrow/io/interfaces.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/file_reader.h>

#include <algorithm>
#include <charconv>
#include <list>
#include <mutex>

#include "source/archive_index.h"
#include "source/tables.h"

namespace smol {
namespace {

Error error_of(const arrow::Status& status, const std::string& path) {
  const ErrorCode code = status.IsOutOfMemory()      ? ErrorCode::kOutOfMemory
                         : status.IsNotImplemented() ? ErrorCode::kUnsupported
                                                     : ErrorCode::kCorrupt;
  return {code, fmt::format("cannot read the table, {}: {}", status.ToStringWithoutContextLines(), path), Stage::kRead};
}

/// Our files as Arrow's.
class ArrowFile final : public arrow::io::RandomAccessFile {
 public:
  explicit ArrowFile(std::shared_ptr<const RandomAccess> file) : file_(std::move(file)) {}
  arrow::Status Close() override { return arrow::Status::OK(); }
  [[nodiscard]] bool closed() const override { return false; }
  [[nodiscard]] arrow::Result<std::int64_t> Tell() const override { return position_; }
  arrow::Status Seek(std::int64_t position) override {
    position_ = position;
    return arrow::Status::OK();
  }
  arrow::Result<std::int64_t> GetSize() override { return file_->size_bytes(); }
  arrow::Result<std::int64_t> Read(std::int64_t size, void* out) override {
    ARROW_ASSIGN_OR_RAISE(const std::int64_t got, ReadAt(position_, size, out));
    position_ += got;
    return got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(std::int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, ReadAt(position_, size));
    position_ += buffer->size();
    return buffer;
  }
  arrow::Result<std::int64_t> ReadAt(std::int64_t position, std::int64_t size, void* out) override {
    const Result<std::int64_t> got =
        file_->read_at(position, {static_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)});
    if (!got.ok()) return arrow::Status::IOError(got.error().message);
    return *got;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> ReadAt(std::int64_t position, std::int64_t size) override {
    ARROW_ASSIGN_OR_RAISE(std::unique_ptr<arrow::ResizableBuffer> buffer, arrow::AllocateResizableBuffer(size));
    ARROW_ASSIGN_OR_RAISE(const std::int64_t got, ReadAt(position, size, buffer->mutable_data()));
    ARROW_RETURN_NOT_OK(buffer->Resize(got));
    return std::shared_ptr<arrow::Buffer>(std::move(buffer));
  }

 private:
  std::shared_ptr<const RandomAccess> file_;
  std::int64_t position_ = 0;
};

bool is_bytes(const arrow::DataType& type) {
  return type.id() == arrow::Type::BINARY || type.id() == arrow::Type::LARGE_BINARY;
}

// A column that can hold encoded pictures; datasets of Hugging Face have structs of bytes and path.
bool holds_pictures(const arrow::Field& field) {
  if (field.type()->id() != arrow::Type::STRUCT) return is_bytes(*field.type());
  const std::shared_ptr<arrow::Field> bytes = static_cast<const arrow::StructType&>(*field.type()).GetFieldByName("bytes");
  return bytes && is_bytes(*bytes->type());
}

std::string names_of(const arrow::Schema& schema) {
  std::string names;
  for (const auto& field : schema.fields())
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", field->name(), field->type()->ToString());
  return names;
}

Result<std::string> choose_image_column(const arrow::Schema& schema, const std::string& wanted, const std::string& path) {
  std::vector<std::string> fitting;
  for (const auto& field : schema.fields()) {
    if (holds_pictures(*field) && (wanted.empty() || field->name() == wanted)) fitting.push_back(field->name());
  }
  if (fitting.size() == 1) return fitting.front();
  if (std::find(fitting.begin(), fitting.end(), "image") != fitting.end()) return std::string("image");
  const std::string_view why = !wanted.empty()   ? "no column of that name holds pictures (binary, or a struct with `bytes`)"
                               : fitting.empty() ? "no column holds pictures (binary, or a struct with `bytes`)"
                                                 : "several columns may hold pictures; name one as ?image=COLUMN";
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}{}; columns: {}, table {}", why, wanted.empty() ? "" : ": " + wanted, names_of(schema), path),
               Stage::kRead};
}

/// A batch of pictures, or an error in its place.
struct Batch {
  std::int64_t begin = 0;
  std::shared_ptr<arrow::Array> pictures;
  [[nodiscard]] bool holds(std::int64_t row) const { return row >= begin && row < begin + pictures->length(); }
};

/// Where reading has come to in a row group: whoever asks for the rows in order never reads any twice.
struct Cursor {
  std::unique_ptr<arrow::RecordBatchReader> reader;
  std::int64_t next_row = 0, end_row = 0;
};

class ParquetTable final : public Store {
 public:
  ParquetTable(std::shared_ptr<const RandomAccess> file, std::string id_prefix)
      : file_(std::move(file)), id_prefix_(std::move(id_prefix)) {}

  Status open(const TableColumns& columns) {
    // Not whole row groups, which may be all of a file: pages as they are needed.
    parquet::ReaderProperties properties;
    properties.enable_buffered_stream();
    parquet::arrow::FileReaderBuilder builder;
    const arrow::Status opened = builder.Open(std::make_shared<ArrowFile>(file_), properties);
    if (!opened.ok()) return error_of(opened, file_->path());
    parquet::ArrowReaderProperties arrow_properties;
    arrow_properties.set_pre_buffer(false);
    arrow_properties.set_batch_size(batch_rows(*builder.raw_reader()->metadata()));
    arrow::Result<std::unique_ptr<parquet::arrow::FileReader>> made = builder.properties(arrow_properties)->Build();
    if (!made.ok()) return error_of(made.status(), file_->path());
    reader_ = std::move(*made);
    const parquet::FileMetaData& metadata = *reader_->parquet_reader()->metadata();
    for (int group = 0; group < metadata.num_row_groups(); ++group) {
      group_begins_.push_back(num_rows_);
      num_rows_ += metadata.RowGroup(group)->num_rows();
    }
    std::shared_ptr<arrow::Schema> schema;
    if (const arrow::Status got = reader_->GetSchema(&schema); !got.ok()) return error_of(got, file_->path());
    SMOL_ASSIGN_OR_RETURN(image_column_, choose_image_column(*schema, columns.image, file_->path()));
    SMOL_RETURN_IF_ERROR(read_ids(*schema, columns.id));
    return read_labels(*schema, columns.label);
  }

  [[nodiscard]] std::int64_t size() const override { return num_rows_; }
  [[nodiscard]] bool holds_only_pictures() const override { return true; }
  [[nodiscard]] std::string id_of(std::int64_t row) const override {
    return has_ids_ ? std::string(ids_.name_of(row)) : fmt::format("{}!{}", id_prefix_, row);
  }
  [[nodiscard]] std::string path_of(std::int64_t row) const override {
    return fmt::format("{}!{}", file_->path(), has_ids_ ? std::string(ids_.name_of(row)) : std::to_string(row));
  }
  [[nodiscard]] Facts facts_of(std::int64_t row) const override {
    return {-1, fmt::format("{}+{}", file_->fingerprint(), row)};
  }
  [[nodiscard]] std::vector<int> labels() const override { return labels_; }

  Status read_range(std::int64_t row, std::int64_t offset, std::int64_t length,
                    std::vector<std::uint8_t>& buffer) const override try {
    SMOL_ASSIGN_OR_RETURN(const Batch batch, batch_with(row));
    const arrow::Array& pictures = *batch.pictures;
    const std::int64_t at = row - batch.begin;
    if (pictures.IsNull(at)) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("the row has no picture in column '{}': {}", image_column_, path_of(row)), Stage::kRead};
    }
    const std::string_view bytes = pictures.type_id() == arrow::Type::BINARY
                                       ? static_cast<const arrow::BinaryArray&>(pictures).GetView(at)
                                       : static_cast<const arrow::LargeBinaryArray&>(pictures).GetView(at);
    const std::string_view part =
        bytes.substr(std::min(bytes.size(), static_cast<std::size_t>(offset)), static_cast<std::size_t>(length));
    size_buffer(buffer, std::ssize(part));
    std::copy(part.begin(), part.end(), buffer.begin());
    return {};
  } catch (const parquet::ParquetException& failure) {
    return Error{ErrorCode::kCorrupt, fmt::format("cannot read the table, {}: {}", failure.what(), file_->path()),
                 Stage::kRead};
  }

 private:
  // Of about 16 MB.
  static std::int64_t batch_rows(const parquet::FileMetaData& metadata) {
    constexpr std::int64_t kBatchBytes = 16 << 20, kMostRows = 1024;
    std::int64_t bytes = 0;
    for (int group = 0; group < metadata.num_row_groups(); ++group) bytes += metadata.RowGroup(group)->total_byte_size();
    const std::int64_t row_bytes = metadata.num_rows() > 0 ? bytes / metadata.num_rows() + 1 : 1;
    return std::clamp<std::int64_t>(kBatchBytes / row_bytes, 1, kMostRows);
  }

  // Leaves of the column; of a struct only its bytes.
  [[nodiscard]] std::vector<int> leaves_of(const std::string& column) const {
    const parquet::SchemaDescriptor& schema = *reader_->parquet_reader()->metadata()->schema();
    std::vector<int> leaves;
    for (int i = 0; i < schema.num_columns(); ++i) {
      const std::string path = schema.Column(i)->path()->ToDotString();
      if (path == column || path == column + ".bytes") leaves.push_back(i);
    }
    return leaves;
  }

  Result<std::shared_ptr<arrow::ChunkedArray>> read_column(const arrow::Schema& schema, const std::string& name) {
    if (schema.GetFieldIndex(name) < 0) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the table has no column '{}'; columns: {}, table {}", name, names_of(schema), file_->path()),
                   Stage::kRead};
    }
    arrow::Result<std::shared_ptr<arrow::Table>> table = reader_->ReadTable(leaves_of(name));
    if (!table.ok()) return error_of(table.status(), file_->path());
    return (*table)->column(0);
  }

  Error wrong_type(std::string_view use, const std::string& name, const arrow::DataType& type,
                   std::string_view allowed) const {
    return {ErrorCode::kInvalidArgument,
            fmt::format("the {} column must hold {}: '{}' holds {}, table {}", use, allowed, name, type.ToString(),
                        file_->path()),
            Stage::kRead};
  }

  Status read_ids(const arrow::Schema& schema, const std::string& name) {
    if (name.empty()) return {};
    SMOL_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::ChunkedArray> column, read_column(schema, name));
    const arrow::Type::type type = column->type()->id();
    if (!arrow::is_integer(type) && !arrow::is_base_binary_like(type))
      return wrong_type("id", name, *column->type(), "text or whole numbers");
    for (std::int64_t row = 0; row < num_rows_; ++row) {
      const arrow::Result<std::shared_ptr<arrow::Scalar>> value = column->GetScalar(row);
      if (!value.ok() || !(*value)->is_valid || (*value)->ToString().empty()) {
        return Error{ErrorCode::kInvalidArgument,
                     fmt::format("row {} has no id in column '{}', table {}", row, name, file_->path()), Stage::kRead};
      }
      const std::string_view text =
          arrow::is_integer(type) ? std::string_view{} : static_cast<const arrow::BaseBinaryScalar&>(**value).view();
      ids_.add(text.empty() ? (*value)->ToString() : std::string(text), {});
    }
    has_ids_ = true;
    const std::int64_t before = ids_.size();
    ArchiveIndex unique = ids_;
    unique.drop_earlier_of_same_name();
    if (unique.size() == before) return {};
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{} rows have an id that another row has, too; ids are unique: column '{}', table {}",
                             before - unique.size(), name, file_->path()),
                 Stage::kRead};
  }

  Status read_labels(const arrow::Schema& schema, const std::string& name) {
    if (name.empty()) return {};
    SMOL_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::ChunkedArray> column, read_column(schema, name));
    if (!arrow::is_integer(column->type()->id())) return wrong_type("label", name, *column->type(), "whole numbers");
    for (const std::shared_ptr<arrow::Array>& chunk : column->chunks()) {
      for (std::int64_t row = 0; row < chunk->length(); ++row) {
        const std::shared_ptr<arrow::Scalar> value = chunk->GetScalar(row).ValueOr(nullptr);
        int label = -1;
        const std::string text = value && value->is_valid ? value->ToString() : "-1";
        if (std::from_chars(text.data(), text.data() + text.size(), label).ec != std::errc{})
          return wrong_type("label", name, *column->type(), "whole numbers of 32 bits");
        labels_.push_back(label);
      }
    }
    return {};
  }

  // The batch that holds a row. Workers ask for neighbouring rows, so it is mostly there or the next of a cursor.
  Result<Batch> batch_with(std::int64_t row) const {
    constexpr std::size_t kKept = 4;
    const std::scoped_lock lock(mutex_);
    const auto kept = std::find_if(batches_.begin(), batches_.end(), [&](const Batch& batch) { return batch.holds(row); });
    if (kept != batches_.end()) {
      batches_.splice(batches_.begin(), batches_, kept);
      return batches_.front();
    }
    SMOL_RETURN_IF_ERROR(place_cursor(row));
    for (;;) {
      SMOL_ASSIGN_OR_RETURN(Batch batch, read_next());
      const bool found = batch.holds(row);
      batches_.push_front(std::move(batch));
      if (batches_.size() > kKept) batches_.pop_back();
      if (found) return batches_.front();
    }
  }

  Status place_cursor(std::int64_t row) const {
    if (cursor_.reader && cursor_.next_row <= row && row < cursor_.end_row) return {};
    const auto group = static_cast<std::size_t>(std::upper_bound(group_begins_.begin(), group_begins_.end(), row) -
                                                group_begins_.begin() - 1);
    arrow::Result<std::unique_ptr<arrow::RecordBatchReader>> reader =
        reader_->GetRecordBatchReader({static_cast<int>(group)}, leaves_of(image_column_));
    if (!reader.ok()) return error_of(reader.status(), file_->path());
    cursor_ = {std::move(*reader), group_begins_[group],
               group + 1 < group_begins_.size() ? group_begins_[group + 1] : num_rows_};
    return {};
  }

  Result<Batch> read_next() const {
    std::shared_ptr<arrow::RecordBatch> rows;
    const arrow::Status got = cursor_.reader->ReadNext(&rows);
    if (!got.ok() || !rows || rows->num_rows() == 0) {
      cursor_ = {};
      return error_of(got.ok() ? arrow::Status::Invalid("a row group has fewer rows than it states") : got, file_->path());
    }
    Batch batch{cursor_.next_row, rows->column(0)};
    if (batch.pictures->type_id() == arrow::Type::STRUCT) {
      // A struct that is null hides what its fields hold.
      arrow::Result<std::shared_ptr<arrow::Array>> bytes =
          static_cast<const arrow::StructArray&>(*batch.pictures).GetFlattenedField(0);
      if (!bytes.ok()) return error_of(bytes.status(), file_->path());
      batch.pictures = *std::move(bytes);
    }
    cursor_.next_row += rows->num_rows();
    return batch;
  }

  std::shared_ptr<const RandomAccess> file_;
  std::string id_prefix_, image_column_;
  std::unique_ptr<parquet::arrow::FileReader> reader_;
  std::vector<std::int64_t> group_begins_;
  std::int64_t num_rows_ = 0;
  bool has_ids_ = false;
  ArchiveIndex ids_;
  std::vector<int> labels_;
  mutable std::mutex mutex_;
  mutable std::list<Batch> batches_;
  mutable Cursor cursor_;
};

}  // namespace

Result<std::shared_ptr<const Store>> open_table(std::shared_ptr<const RandomAccess> file, const std::string& id_prefix,
                                                const TableColumns& columns) {
  auto table = std::make_shared<ParquetTable>(std::move(file), id_prefix);
  SMOL_RETURN_IF_ERROR(table->open(columns));
  return std::shared_ptr<const Store>(std::move(table));
}

}  // namespace smol
