#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smol/model.h"
#include "temporary_folder.h"

namespace smol {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;

class DraftCards : public ::testing::Test {
 protected:
  Result<DraftCard> draft(const TensorSpec& input, const TensorSpec& output) {
    return draft_model_card(folder_.write("net.onnx", "weights"), {input}, {output});
  }
  testing::TemporaryFolder folder_;
};

TEST_F(DraftCards, PlanarFloatClassifier) {
  const auto drafted = draft({"x", DType::kF32, {-1, 3, 240, 240}}, {"y", DType::kF32, {-1, 1000}});
  ASSERT_TRUE(drafted.ok()) << drafted.error().message;
  const ModelCard& card = drafted->card;
  EXPECT_EQ(card.layout, Layout::kNCHW);
  EXPECT_EQ(card.width, 240);
  EXPECT_EQ(card.task, Task::kClassification);
  EXPECT_EQ(card.num_classes, 1000);
  EXPECT_EQ(card.label_offset, 0);
  EXPECT_EQ(card.activation, Activation::kSoftmax);
  EXPECT_THAT(drafted->assumptions, Contains(HasSubstr("mean")));
  EXPECT_THAT(drafted->assumptions, Contains(HasSubstr("RGB")));
}

TEST_F(DraftCards, QuantisedInterleavedClassifierWithBackground) {
  const auto drafted = draft({"x", DType::kU8, {1, 128, 128, 3}}, {"y", DType::kU8, {1, 1001}});
  ASSERT_TRUE(drafted.ok()) << drafted.error().message;
  EXPECT_EQ(drafted->card.layout, Layout::kNHWC);
  EXPECT_EQ(drafted->card.dtype, DType::kU8);
  EXPECT_EQ(drafted->card.label_offset, 1);
  EXPECT_EQ(drafted->card.activation, Activation::kNone);
  EXPECT_EQ(drafted->card.output_scale, 1.0F / 256);
}

TEST_F(DraftCards, OtherShapes) {
  EXPECT_EQ(draft({"x", DType::kF32, {1, 3, 112, 96}}, {"y", DType::kF32, {1, 128}})->card.task, Task::kEmbedding);
  EXPECT_EQ(draft({"x", DType::kF32, {1, 3, 352, 352}}, {"y", DType::kF32, {1, 85, 22, 22}})->card.task, Task::kRaw);
  EXPECT_EQ(draft({"x", DType::kF32, {1, 1, 28, 28}}, {"y", DType::kF32, {1, 10}})->card.color, ColorOrder::kGray);
  const auto open_size = draft({"x", DType::kF32, {-1, 3, -1, -1}}, {"y", DType::kF32, {-1, 10}});
  EXPECT_EQ(open_size->card.width, 224);
  EXPECT_THAT(open_size->assumptions, Contains(HasSubstr("leaves the size open")));
  EXPECT_EQ(draft({"tokens", DType::kI64, {1, 512}}, {"y", DType::kF32, {1, 10}}).error().code, ErrorCode::kUnsupported);
}

TEST_F(DraftCards, TheTaskFollowsFromTheOutputs) {
  const TensorSpec input{"x", DType::kF32, {1, 3, 640, 640}};
  const auto task = [&](const std::vector<TensorSpec>& outputs) {
    const auto drafted = draft_model_card(folder_.write("net.onnx", "weights"), {input}, outputs);
    return std::pair{drafted->card.task, drafted->card.output_name};
  };
  // Detectors: several outputs, or boxes by their dimension.
  EXPECT_EQ(task({{"cls_8", DType::kF32, {1, 6400, 1}}, {"obj_8", DType::kF32, {1, 6400, 1}}}),
            (std::pair{Task::kRaw, std::string("cls_8")}));
  EXPECT_EQ(task({{"scores", DType::kF32, {1, 100}}, {"boxes", DType::kF32, {1, 100, 4}}}).first, Task::kRaw);
  EXPECT_EQ(task({{"cls_8", DType::kF32, {1, 6400, 1}}}).first, Task::kRaw);
  EXPECT_EQ(task({{"boxes", DType::kF32, {1, 25200, 85}}}).first, Task::kRaw);
  EXPECT_EQ(task({{"ArgMax", DType::kI64, {1, 1000}}}).first, Task::kRaw);
  EXPECT_EQ(task({{"score", DType::kF32, {1, 1}}}).first, Task::kRaw);
  EXPECT_EQ(task({{"features", DType::kF32, {-1, -1}}}).first, Task::kEmbedding);
  EXPECT_EQ(task({{"y", DType::kF32, {1, 1000, 1, 1}}}).first, Task::kClassification);
  EXPECT_EQ(task({{"aux", DType::kF32, {1, 80}}, {"Softmax:0", DType::kF32, {1, 1000}}}),
            (std::pair{Task::kClassification, std::string("Softmax:0")}));
}

TEST_F(DraftCards, ProbabilitiesAreNotNormalisedAgain) {
  const TensorSpec input{"x", DType::kF32, {1, 3, 224, 224}};
  EXPECT_EQ(draft(input, {"probs", DType::kF32, {1, 1000}})->card.activation, Activation::kNone);
  EXPECT_EQ(draft(input, {"probs", DType::kF32, {1, 1024}})->card.task, Task::kClassification);
  EXPECT_EQ(draft(input, {"logits", DType::kF32, {1, 1000}})->card.activation, Activation::kSoftmax);
}

TEST_F(DraftCards, WritesACardThatLoads) {
  for (const TensorSpec& input :
       {TensorSpec{"x", DType::kF32, {1, 3, 224, 224}}, TensorSpec{"x", DType::kF32, {1, 112, 96, 3}},
        TensorSpec{"x", DType::kU8, {1, 28, 28, 1}}}) {
    const auto drafted = draft(input, {"y", DType::kF32, {1, 10}});
    ASSERT_TRUE(drafted.ok());
    const auto loaded = load_model_card(folder_.write("card.yaml", to_yaml(drafted->card)));
    ASSERT_TRUE(loaded.ok()) << loaded.error().message << "\n" << to_yaml(drafted->card);
    EXPECT_EQ(loaded->pipeline, drafted->card.pipeline);
    EXPECT_EQ(to_yaml(drafted->card).find("[123.675, 116.28, 103.53]") != std::string::npos, input.dtype == DType::kF32);
  }
}

}  // namespace
}  // namespace smol
