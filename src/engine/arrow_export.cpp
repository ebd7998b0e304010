// Arrow's own definition of the C structures comes first; ours is then left out.
#include <arrow/c/bridge.h>

#include "engine/arrow_rows.h"
#include "smol/arrow.h"

namespace smol {

struct RowExporter::Columns {
  RowSchema rows;
};

RowExporter::RowExporter(std::span<const CompiledPlan> plans, bool stage_times)
    : columns_(std::make_unique<const Columns>(Columns{RowSchema::of(plans, stage_times)})) {}

RowExporter::~RowExporter() = default;

Status RowExporter::schema(ArrowSchema& out) const {
  const arrow::Status done = arrow::ExportSchema(*columns_->rows.arrow(), &out);
  if (!done.ok()) return from_arrow(done, "cannot export the columns of rows");
  return {};
}

Status RowExporter::batch(std::span<const Row> rows, ArrowArray& out) const {
  SMOL_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::RecordBatch> batch, to_record_batch(rows, columns_->rows));
  const arrow::Status done = arrow::ExportRecordBatch(*batch, &out);
  if (!done.ok()) return from_arrow(done, "cannot export a batch of rows");
  return {};
}

}  // namespace smol
