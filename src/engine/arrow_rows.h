#pragma once
#include <arrow/api.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "smol/session.h"

namespace smol {

/// What the columns need to know of the plans of a run; copied from them.
struct RowSchema {
  struct PlanColumns {
    std::string id, model, rendition, hash;
    std::vector<std::string> label_names;
  };
  /// In a plan_hash, between the plan's own hash and what else the rows depend on.
  static constexpr char kHashSeparator = '+';
  std::vector<PlanColumns> plans;
  int embedding_size = 0;  ///< length of `values` of all embedding and raw plans; 0: none, or they differ
  bool stage_times = false;

  [[nodiscard]] static RowSchema of(std::span<const CompiledPlan> plans, bool stage_times);
  /// The same columns for every task; docs/howto/read-results.md lists them.
  [[nodiscard]] std::shared_ptr<arrow::Schema> arrow() const;
};

/// Rows as one record batch of schema.arrow(). kOutOfMemory.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> to_record_batch(std::span<const Row> rows,
                                                                          const RowSchema& schema);

/// Arrow's status as ours.
[[nodiscard]] Error from_arrow(const arrow::Status& status, const std::string& what);

}  // namespace smol
