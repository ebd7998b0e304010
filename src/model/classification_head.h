#pragma once
#include "model/output_reader.h"
#include "smol/model.h"

namespace smol {

/// Scores → label and top k: activation over all outputs, then the best ones past the card's label offset (what lies before
/// it, such as background, is never an answer). Equal scores: the lower label first. kInvalidArgument when the number of
/// outputs is not the card's.
[[nodiscard]] Result<std::unique_ptr<const TaskHead>> create_classification_head(const ModelCard& card,
                                                                                 const TensorSpec& output,
                                                                                 OutputReader reader);

}  // namespace smol
