#pragma once
/// Model cards: what a DNN file needs before and after it, and task heads that turn outputs into rows.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "smol/preprocess.h"
#include "smol/result.h"
#include "smol/tensor.h"

namespace smol {

enum class Task : std::uint8_t { kClassification, kDetection, kSegmentation, kEmbedding, kDepth, kRaw };
[[nodiscard]] std::string_view name_of(Task task);
[[nodiscard]] Result<Task> parse_task(std::string_view name);

enum class Activation : std::uint8_t { kNone, kSoftmax, kSigmoid };

/// A YAML file beside the model; unknown keys are errors. docs/howto/model-card.md shows one; schema in
/// docs/model-card.schema.json.
struct ModelCard {
  static constexpr int kFormat = 1;
  std::string name;
  std::string path;       ///< of the model file, resolved against the card's folder
  std::string card_path;  ///< where the card was read from; empty when made from a model file
  Task task = Task::kRaw;
  std::string backend = "openvino";   ///< key in the backend table
  std::string backend_config;         ///< file for it, e.g. a simulated device, which may be named; resolved
  std::string backend_config_digest;  ///< of that file, computed on load; empty where it cannot be read
  // input
  std::string input_name;
  Layout layout = Layout::kNCHW;
  DType dtype = DType::kF32;
  ColorOrder color = ColorOrder::kRGB;
  int width = 0, height = 0;
  LogicalPipeline pipeline;  ///< from the decoded picture to the input tensor
  // output
  std::string output_name;  ///< empty = the first
  Activation activation = Activation::kNone;
  int num_classes = 0;
  int label_offset = 0;  ///< 1 for the 1001-class models: index 0 is background
  int top_k = 5;
  float output_scale = 1.0F;  ///< dequantisation: value = (q - zero_point) * scale
  int output_zero_point = 0;
  std::vector<std::string> labels;  ///< may be empty
  std::string labels_path;
  int max_batch = 0;  ///< 0 = as far as verified
  std::string licence;
  std::string digest;  ///< of the model file, "xxh3:..."; computed on load, checked when the card states one
};

/// kInvalidArgument with the key and what is allowed; kNotFound when a named file is missing.
[[nodiscard]] Result<ModelCard> load_model_card(const std::string& path,
                                                const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});
/// `user_operators` resolves `{user: name}` steps; `folder` resolves relative paths.
[[nodiscard]] Result<ModelCard> parse_model_card(
    std::string_view yaml, const std::string& folder,
    const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});
[[nodiscard]] std::string to_yaml(const ModelCard& card);

/// A preprocessing graph in YAML; docs/howto/preprocessing-graph.md shows one. Every output becomes the chain of operators
/// from the picture to it. Unknown keys, missing names, cycles and nodes that lead nowhere are errors. `folder` resolves the
/// paths of model cards.
[[nodiscard]] Result<PreprocessGraph> parse_preprocess_graph(
    std::string_view yaml, const std::string& folder,
    const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});
[[nodiscard]] Result<PreprocessGraph> load_preprocess_graph(
    const std::string& path, const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});

/// One item's answer. Only the fields of the task are filled.
struct Prediction {
  struct Box {
    float x = 0, y = 0, width = 0, height = 0;  ///< in the oriented full-size picture
    int label = 0;
    float score = 0;
  };
  int label = -1;
  float score = 0;
  std::vector<int> top_labels;
  std::vector<float> top_scores;
  std::vector<float> values;  ///< embedding or raw output, flattened
  std::vector<Box> boxes;
};

/// Turns one item's slice of the output tensors into a prediction. Thread-safe, reuses `prediction`'s memory.
class TaskHead {
 public:
  virtual ~TaskHead() = default;
  /// `outputs` are the batch tensors; `index` the picture's place in the batch.
  virtual Status read(std::span<const TensorView> outputs, int index, Prediction& prediction) const = 0;
};
/// kUnsupported for tasks that this build cannot decode, naming those it can.
[[nodiscard]] Result<std::unique_ptr<const TaskHead>> create_task_head(const ModelCard& card,
                                                                       const std::vector<TensorSpec>& outputs);

/// A card as far as the model's own description tells; what was guessed is listed in `assumptions`.
struct DraftCard {
  ModelCard card;
  std::vector<std::string> assumptions;
};
[[nodiscard]] Result<DraftCard> draft_model_card(const std::string& model_path, const std::vector<TensorSpec>& inputs,
                                                 const std::vector<TensorSpec>& outputs);

}  // namespace smol
