#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "smol/model.h"

namespace smol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A tensor of a batch with its memory.
template <typename T>
struct Output {
  Output(DType dtype, Shape shape, std::vector<T> elements) : values(std::move(elements)) {
    view.data = values.data();
    view.dtype = dtype;
    view.shape = std::move(shape);
    spec = {"out", dtype, view.shape};
  }
  std::vector<T> values;
  TensorView view;
  TensorSpec spec;
};

ModelCard classifier(Activation activation, int top_k) {
  ModelCard card;
  card.task = Task::kClassification;
  card.activation = activation;
  card.top_k = top_k;
  return card;
}

template <typename T>
Prediction predict(const ModelCard& card, const Output<T>& output, int index = 0) {
  const auto head = create_task_head(card, {output.spec});
  EXPECT_TRUE(head.ok()) << head.error().message;
  Prediction prediction;
  const std::vector<TensorView> views{output.view};
  const Status status = (*head)->read(views, index, prediction);
  EXPECT_TRUE(status.ok());
  return prediction;
}

TEST(ClassificationHead, RanksThePicturesOwnRow) {
  const Output<float> logits(DType::kF32, {2, 4}, {9, 9, 9, 9, 0, 1, 3, 2});
  const Prediction prediction = predict(classifier(Activation::kNone, 3), logits, 1);
  EXPECT_EQ(prediction.label, 2);
  EXPECT_EQ(prediction.score, 3);
  EXPECT_THAT(prediction.top_labels, ElementsAre(2, 3, 1));
  EXPECT_THAT(prediction.top_scores, ElementsAre(3, 2, 1));
  EXPECT_TRUE(prediction.values.empty());
}

TEST(ClassificationHead, EqualScoresGoToTheLowerLabel) {
  const Output<float> logits(DType::kF32, {1, 6}, {1, 5, 0, 5, 5, 1});
  EXPECT_THAT(predict(classifier(Activation::kNone, 5), logits).top_labels, ElementsAre(1, 3, 4, 0, 5));
}

TEST(ClassificationHead, SoftmaxIsStableAndSumsToOne) {
  const Output<float> logits(DType::kF32, {1, 3}, {1000, 1001, 999});
  const Prediction prediction = predict(classifier(Activation::kSoftmax, 9), logits);
  const double sum = 1 + std::exp(-1.0) + std::exp(-2.0);
  ASSERT_EQ(prediction.top_scores.size(), 3U);
  EXPECT_NEAR(prediction.top_scores[0], 1 / sum, 1e-6);
  EXPECT_NEAR(prediction.top_scores[1], std::exp(-1.0) / sum, 1e-6);
  EXPECT_NEAR(prediction.top_scores[2], std::exp(-2.0) / sum, 1e-6);
}

TEST(ClassificationHead, SigmoidIsPerClass) {
  const Output<float> logits(DType::kF32, {1, 2, 1, 1}, {0, -100});
  EXPECT_THAT(predict(classifier(Activation::kSigmoid, 2), logits).top_scores,
              ElementsAre(0.5F, ::testing::FloatNear(0, 1e-30)));
}

TEST(ClassificationHead, BackgroundIsNeverAnAnswer) {
  ModelCard card = classifier(Activation::kNone, 5);
  card.label_offset = 1;
  card.output_scale = 0.5F;
  card.output_zero_point = 10;
  const Output<std::uint8_t> scores(DType::kU8, {1, 4}, {250, 20, 14, 30});
  const Prediction prediction = predict(card, scores);
  EXPECT_THAT(prediction.top_labels, ElementsAre(2, 0, 1));
  EXPECT_THAT(prediction.top_scores, ElementsAre(10, 5, 2));
}

TEST(ClassificationHead, NotANumberNeverWins) {
  const Output<float> logits(DType::kF32, {1, 3}, {NAN, 1, 2});
  EXPECT_EQ(predict(classifier(Activation::kSoftmax, 1), logits).label, 2);
}

TEST(ClassificationHead, RefusesACardThatDoesNotFit) {
  ModelCard card = classifier(Activation::kNone, 1);
  card.num_classes = 5;
  const auto head = create_task_head(card, {{"out", DType::kF32, {1, 4}}});
  ASSERT_FALSE(head.ok());
  EXPECT_THAT(head.error().message, HasSubstr("classes"));
  card.num_classes = 4;
  card.label_offset = 4;
  EXPECT_FALSE(create_task_head(card, {{"out", DType::kF32, {1, 4}}}).ok());
}

TEST(ValuesHead, FlattensEveryElementType) {
  ModelCard card;
  card.task = Task::kEmbedding;
  EXPECT_THAT(predict(card, Output<std::int8_t>(DType::kI8, {2, 2}, {0, 0, -3, 4}), 1).values, ElementsAre(-3, 4));
  EXPECT_THAT(predict(card, Output<std::int32_t>(DType::kI32, {1, 2}, {-70000, 4})).values, ElementsAre(-70000, 4));
  EXPECT_THAT(predict(card, Output<std::int64_t>(DType::kI64, {1, 1, 2}, {7, 8})).values, ElementsAre(7, 8));
  // 1, -2, the largest, the smallest subnormal, infinity in half precision.
  const Output<std::uint16_t> half(DType::kF16, {1, 5}, {0x3C00, 0xC000, 0x7BFF, 0x0001, 0x7C00});
  EXPECT_THAT(predict(card, half).values, ElementsAre(1, -2, 65504, 0x1p-24F, INFINITY));
  const Output<std::uint16_t> brain(DType::kBF16, {1, 3}, {0x3F80, 0xC000, 0x7F80});
  EXPECT_THAT(predict(card, brain).values, ElementsAre(1, -2, INFINITY));
}

TEST(ValuesHead, PicksTheNamedOutput) {
  ModelCard card;
  card.task = Task::kRaw;
  card.output_name = "b";
  const std::vector<TensorSpec> specs{{"a", DType::kF32, {1, 2}}, {"b", DType::kF32, {1, 3}}};
  EXPECT_TRUE(create_task_head(card, specs).ok());
  card.output_name = "c";
  const auto head = create_task_head(card, specs);
  ASSERT_FALSE(head.ok());
  EXPECT_THAT(head.error().message, HasSubstr("a, b"));
}

TEST(ValuesHead, RefusesAPictureOutsideOfTheBatch) {
  ModelCard card;
  card.task = Task::kRaw;
  const Output<float> output(DType::kF32, {2, 1}, {1, 2});
  const auto head = create_task_head(card, {output.spec});
  Prediction prediction;
  const std::vector<TensorView> views{output.view};
  EXPECT_EQ((*head)->read(views, 2, prediction).error().code, ErrorCode::kInternal);
  EXPECT_EQ((*head)->read({}, 0, prediction).error().code, ErrorCode::kInternal);
}

TEST(TaskHead, NamesTheTasksItCanDecode) {
  for (Task task : {Task::kDetection, Task::kSegmentation, Task::kDepth}) {
    ModelCard card;
    card.task = task;
    const auto head = create_task_head(card, {{"out", DType::kF32, {1, 4}}});
    ASSERT_FALSE(head.ok());
    EXPECT_EQ(head.error().code, ErrorCode::kUnsupported);
    EXPECT_THAT(head.error().message, HasSubstr("classification, embedding, raw"));
  }
}

}  // namespace
}  // namespace smol
