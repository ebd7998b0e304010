#include "engine/arrow_rows.h"

#include <fmt/format.h>

#include "engine/compiled_plan.h"

namespace smol {
namespace {

constexpr std::array<Stage, 8> kTimedStages{Stage::kRead,  Stage::kDecode,   Stage::kPreprocess, Stage::kBatchWait,
                                            Stage::kQueue, Stage::kTransfer, Stage::kInfer,      Stage::kPostprocess};

std::shared_ptr<arrow::DataType> box_type() {
  return arrow::struct_({arrow::field("x", arrow::float32()), arrow::field("y", arrow::float32()),
                         arrow::field("width", arrow::float32()), arrow::field("height", arrow::float32()),
                         arrow::field("label", arrow::int32()), arrow::field("score", arrow::float32())});
}

std::shared_ptr<arrow::DataType> mask_type() {
  return arrow::struct_({arrow::field("height", arrow::int32()), arrow::field("width", arrow::int32()),
                         arrow::field("labels", arrow::binary())});
}

arrow::Status append_text(arrow::StringBuilder& column, const std::string& text) {
  return text.empty() ? column.AppendNull() : column.Append(text);
}

// One builder a column; append() fills a row, finish() gives the arrays in schema order.
class RowColumns {
 public:
  explicit RowColumns(const RowSchema& schema) : schema_(schema), arrow_(schema.arrow()) {}

  arrow::Status prepare() {
    ARROW_ASSIGN_OR_RAISE(columns_, arrow::RecordBatchBuilder::Make(arrow_, arrow::default_memory_pool()));
    return arrow::Status::OK();
  }

  arrow::Status append(const Row& row) {
    column_ = 0;
    const RowSchema::PlanColumns& plan = schema_.plans[row.plan];
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(row.item));
    ARROW_RETURN_NOT_OK(append_text(next<arrow::StringBuilder>(), row.region));
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(plan.rendition));
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(plan.id));
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(plan.model));
    const char* status = row.error ? "error" : row.truncated ? "truncated" : row.recovered ? "recovered" : "ok";
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(status));
    ARROW_RETURN_NOT_OK(append_error(row));
    ARROW_RETURN_NOT_OK(append_labels(row, plan));
    ARROW_RETURN_NOT_OK(append_embedding(row.prediction));
    ARROW_RETURN_NOT_OK(append_boxes(row));
    ARROW_RETURN_NOT_OK(next<arrow::StructBuilder>().AppendNull());  // mask
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(row.fingerprint));
    ARROW_RETURN_NOT_OK(next<arrow::StringBuilder>().Append(plan.hash));
    if (schema_.stage_times) {
      for (Stage stage : kTimedStages) {
        ARROW_RETURN_NOT_OK(next<arrow::FloatBuilder>().Append(row.stage_us[static_cast<std::size_t>(stage)]));
      }
    }
    return arrow::Status::OK();
  }

  arrow::Result<std::shared_ptr<arrow::RecordBatch>> finish() { return columns_->Flush(); }

 private:
  template <typename Builder>
  Builder& next() {
    return *columns_->GetFieldAs<Builder>(column_++);
  }

  arrow::Status append_error(const Row& row) {
    auto& code = next<arrow::StringBuilder>();
    auto& stage = next<arrow::StringBuilder>();
    auto& message = next<arrow::StringBuilder>();
    if (!row.error) {
      ARROW_RETURN_NOT_OK(code.AppendNull());
      ARROW_RETURN_NOT_OK(stage.AppendNull());
      return message.AppendNull();
    }
    ARROW_RETURN_NOT_OK(code.Append(std::string(name_of(row.error->code))));
    ARROW_RETURN_NOT_OK(stage.Append(std::string(name_of(row.error->stage))));
    return message.Append(row.error->message);
  }

  arrow::Status append_labels(const Row& row, const RowSchema::PlanColumns& plan) {
    const Prediction& prediction = row.prediction;
    const bool has_label = !row.error && prediction.label >= 0;
    auto& label = next<arrow::Int32Builder>();
    auto& name = next<arrow::StringBuilder>();
    auto& score = next<arrow::FloatBuilder>();
    ARROW_RETURN_NOT_OK(has_label ? label.Append(prediction.label) : label.AppendNull());
    const bool named = has_label && prediction.label < static_cast<int>(plan.label_names.size());
    ARROW_RETURN_NOT_OK(named ? name.Append(plan.label_names[prediction.label]) : name.AppendNull());
    ARROW_RETURN_NOT_OK(has_label ? score.Append(prediction.score) : score.AppendNull());
    auto& labels = next<arrow::ListBuilder>();
    auto& scores = next<arrow::ListBuilder>();
    if (row.error || prediction.top_labels.empty()) {
      ARROW_RETURN_NOT_OK(labels.AppendNull());
      return scores.AppendNull();
    }
    ARROW_RETURN_NOT_OK(labels.Append());
    ARROW_RETURN_NOT_OK(scores.Append());
    auto& label_values = static_cast<arrow::Int32Builder&>(*labels.value_builder());
    ARROW_RETURN_NOT_OK(label_values.AppendValues(prediction.top_labels));
    return static_cast<arrow::FloatBuilder&>(*scores.value_builder()).AppendValues(prediction.top_scores);
  }

  arrow::Status append_embedding(const Prediction& prediction) {
    if (schema_.embedding_size > 0) {
      auto& column = next<arrow::FixedSizeListBuilder>();
      if (static_cast<int>(prediction.values.size()) != schema_.embedding_size) return column.AppendNull();
      ARROW_RETURN_NOT_OK(column.Append());
      return static_cast<arrow::FloatBuilder&>(*column.value_builder()).AppendValues(prediction.values);
    }
    auto& column = next<arrow::ListBuilder>();
    if (prediction.values.empty()) return column.AppendNull();
    ARROW_RETURN_NOT_OK(column.Append());
    return static_cast<arrow::FloatBuilder&>(*column.value_builder()).AppendValues(prediction.values);
  }

  arrow::Status append_boxes(const Row& row) {
    auto& column = next<arrow::ListBuilder>();
    if (row.error || row.prediction.boxes.empty()) return column.AppendNull();
    ARROW_RETURN_NOT_OK(column.Append());
    auto& box = static_cast<arrow::StructBuilder&>(*column.value_builder());
    for (const Prediction::Box& value : row.prediction.boxes) {
      ARROW_RETURN_NOT_OK(box.Append());
      const std::array<float, 4> numbers{value.x, value.y, value.width, value.height};
      for (int i = 0; i < 4; ++i) {
        ARROW_RETURN_NOT_OK(static_cast<arrow::FloatBuilder&>(*box.field_builder(i)).Append(numbers[i]));
      }
      ARROW_RETURN_NOT_OK(static_cast<arrow::Int32Builder&>(*box.field_builder(4)).Append(value.label));
      ARROW_RETURN_NOT_OK(static_cast<arrow::FloatBuilder&>(*box.field_builder(5)).Append(value.score));
    }
    return arrow::Status::OK();
  }

  const RowSchema& schema_;
  std::shared_ptr<arrow::Schema> arrow_;
  std::unique_ptr<arrow::RecordBatchBuilder> columns_;
  int column_ = 0;
};

// Other versions of the libraries, or another strictness with damaged pictures, make another row of the same key.
std::string row_hash(const CompiledPlan::State& state) {
  std::string hash = state.plan.semantic_hash() + RowSchema::kHashSeparator + state.versions;
  if (state.fail_on != FailOn::kTruncated) hash += "+fail-on-" + std::string(name_of(state.fail_on));
  if (state.background) {
    const auto& [red, green, blue] = *state.background;
    hash += fmt::format("+background-{:02x}{:02x}{:02x}", red, green, blue);
  }
  return hash;
}

// Numbers a picture's prediction holds: the first output's elements without the batch.
int values_size(const CompiledPlan::State& state) {
  if (state.card.task != Task::kEmbedding && state.card.task != Task::kRaw) return 0;
  std::int64_t size = 1;
  const std::vector<TensorSpec>& outputs = state.instance->outputs();
  const TensorSpec* chosen = &outputs.front();
  for (const TensorSpec& output : outputs) {
    if (output.name == state.card.output_name) chosen = &output;
  }
  for (std::size_t i = 1; i < chosen->shape.size(); ++i) size *= chosen->shape[i];
  return static_cast<int>(size);
}

}  // namespace

RowSchema RowSchema::of(std::span<const CompiledPlan> plans, bool stage_times) {
  RowSchema schema;
  schema.stage_times = stage_times;
  bool differ = false;
  for (const CompiledPlan& compiled : plans) {
    const CompiledPlan::State& state = compiled.state();
    schema.plans.push_back({state.plan.id, state.card.name, state.plan.rendition, row_hash(state), state.card.labels});
    const int size = values_size(state);
    differ |= size > 0 && schema.embedding_size > 0 && size != schema.embedding_size;
    schema.embedding_size = std::max(schema.embedding_size, size);
  }
  if (differ) schema.embedding_size = 0;
  return schema;
}

std::shared_ptr<arrow::Schema> RowSchema::arrow() const {
  const std::shared_ptr<arrow::DataType>& text = arrow::utf8();
  const auto values =
      embedding_size > 0 ? arrow::fixed_size_list(arrow::float32(), embedding_size) : arrow::list(arrow::float32());
  std::vector<std::shared_ptr<arrow::Field>> fields{arrow::field("item", text, false),
                                                    arrow::field("region", text),
                                                    arrow::field("rendition", text, false),
                                                    arrow::field("plan", text, false),
                                                    arrow::field("model", text, false),
                                                    arrow::field("status", text, false),
                                                    arrow::field("error_code", text),
                                                    arrow::field("error_stage", text),
                                                    arrow::field("error_message", text),
                                                    arrow::field("label", arrow::int32()),
                                                    arrow::field("label_name", text),
                                                    arrow::field("score", arrow::float32()),
                                                    arrow::field("top_labels", arrow::list(arrow::int32())),
                                                    arrow::field("top_scores", arrow::list(arrow::float32())),
                                                    arrow::field("embedding", values),
                                                    arrow::field("boxes", arrow::list(box_type())),
                                                    arrow::field("mask", mask_type()),
                                                    arrow::field("fingerprint", text, false),
                                                    arrow::field("plan_hash", text, false)};
  if (stage_times) {
    for (Stage stage : kTimedStages) fields.push_back(arrow::field(std::string(name_of(stage)) + "_us", arrow::float32()));
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::RecordBatch>> to_record_batch(std::span<const Row> rows, const RowSchema& schema) {
  RowColumns columns(schema);
  arrow::Status status = columns.prepare();
  for (std::size_t i = 0; status.ok() && i < rows.size(); ++i) status = columns.append(rows[i]);
  if (!status.ok()) return from_arrow(status, "cannot build a batch of rows");
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> batch = columns.finish();
  if (!batch.ok()) return from_arrow(batch.status(), "cannot build a batch of rows");
  return *std::move(batch);
}

Error from_arrow(const arrow::Status& status, const std::string& what) {
  const ErrorCode code = status.IsOutOfMemory() ? ErrorCode::kOutOfMemory
                         : status.IsIOError()   ? ErrorCode::kIo
                                                : ErrorCode::kInternal;
  return Error{code, what + ": " + status.message(), Stage::kWrite};
}

}  // namespace smol
