#include "model/classification_head.h"
#include "model/output_reader.h"

namespace smol {
namespace {

/// Embeddings and raw outputs: the picture's slice, flattened, as floats.
class ValuesHead final : public TaskHead {
 public:
  explicit ValuesHead(OutputReader reader) : reader_(reader) {}

  Status read(std::span<const TensorView> outputs, int index, Prediction& prediction) const override {
    return reader_.read(outputs, index, prediction.values);
  }

 private:
  OutputReader reader_;
};

}  // namespace

Result<std::unique_ptr<const TaskHead>> create_task_head(const ModelCard& card, const std::vector<TensorSpec>& outputs) {
  SMOL_ASSIGN_OR_RETURN(const std::size_t output, find_output(card, outputs));
  const OutputReader reader(output, card.output_scale, card.output_zero_point);
  switch (card.task) {
    case Task::kClassification:
      return create_classification_head(card, outputs[output], reader);
    case Task::kEmbedding:
    case Task::kRaw:
      return std::unique_ptr<const TaskHead>(std::make_unique<ValuesHead>(reader));
    case Task::kDetection:
    case Task::kSegmentation:
    case Task::kDepth:
      break;
  }
  return Error{ErrorCode::kUnsupported,
               "outputs of this task cannot be decoded by this build; it decodes classification, "
               "embedding, raw (raw gives the tensors as they are): " +
                   std::string(name_of(card.task)),
               Stage::kPostprocess};
}

}  // namespace smol
