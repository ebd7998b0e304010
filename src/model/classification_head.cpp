#include "model/classification_head.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace smol {
namespace {

/// Subtracts the maximum first, so that large logits do not overflow; sums in double.
void apply_softmax(std::vector<float>& values) {
  const float maximum = *std::max_element(values.begin(), values.end());
  double sum = 0;
  for (float& value : values) {
    value = std::exp(value - maximum);
    sum += value;
  }
  for (float& value : values) value = static_cast<float>(value / sum);
}

void apply(Activation activation, std::vector<float>& values) {
  if (activation == Activation::kSoftmax) apply_softmax(values);
  if (activation == Activation::kSigmoid) {
    for (float& value : values) value = 1.0F / (1.0F + std::exp(-value));
  }
}

class ClassificationHead final : public TaskHead {
 public:
  ClassificationHead(const ModelCard& card, std::size_t num_outputs, OutputReader reader)
      : reader_(reader),
        activation_(card.activation),
        label_offset_(card.label_offset),
        top_k_(std::min<std::size_t>(card.top_k, num_outputs - card.label_offset)) {}

  Status read(std::span<const TensorView> outputs, int index, Prediction& prediction) const override {
    SMOL_RETURN_IF_ERROR(reader_.read(outputs, index, prediction.values));
    std::vector<float>& scores = prediction.values;
    // One order for every machine: a NaN never wins, and never breaks the comparison.
    std::replace_if(
        scores.begin(), scores.end(), [](float score) { return std::isnan(score); }, -INFINITY);
    apply(activation_, scores);
    rank(scores, prediction);
    scores.clear();
    return {};
  }

 private:
  /// Keeps the k best in a sorted list: one pass, no allocation once the prediction has its capacity.
  void rank(const std::vector<float>& scores, Prediction& prediction) const {
    std::vector<int>& labels = prediction.top_labels;
    labels.clear();
    for (int i = label_offset_; i < static_cast<int>(scores.size()); ++i) {
      if (labels.size() == top_k_ && !(scores[i] > scores[labels.back()])) continue;
      if (labels.size() == top_k_) labels.pop_back();
      const auto place = std::find_if(labels.begin(), labels.end(), [&](int other) { return scores[i] > scores[other]; });
      labels.insert(place, i);
    }
    prediction.top_scores.clear();
    for (int& label : labels) {
      prediction.top_scores.push_back(scores[label]);
      label -= label_offset_;
    }
    prediction.label = labels.front();
    prediction.score = prediction.top_scores.front();
  }

  OutputReader reader_;
  Activation activation_;
  int label_offset_;
  std::size_t top_k_;
};

}  // namespace

Result<std::unique_ptr<const TaskHead>> create_classification_head(const ModelCard& card, const TensorSpec& output,
                                                                   OutputReader reader) {
  std::int64_t num_outputs = 1;
  for (std::size_t i = 1; i < output.shape.size(); ++i) num_outputs *= output.shape[i];
  if (output.shape.size() < 2 || num_outputs < 1 || (card.num_classes > 0 && num_outputs != card.num_classes)) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("model card {}: 'classes' must be the number of values in output {} {}: {}", card.name,
                             output.name, to_string(output.shape), card.num_classes)};
  }
  if (card.label_offset < 0 || card.label_offset >= num_outputs || card.top_k < 1) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("model card {}: 'label_offset' must be below the {} classes and top_k at least 1: {}, {}",
                             card.name, num_outputs, card.label_offset, card.top_k)};
  }
  return std::unique_ptr<const TaskHead>(
      std::make_unique<ClassificationHead>(card, static_cast<std::size_t>(num_outputs), reader));
}

}  // namespace smol
