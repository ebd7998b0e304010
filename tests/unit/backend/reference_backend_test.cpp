#include "backend/reference/reference_backend.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <numeric>

#include "backend_runner.h"
#include "temporary_folder.h"

namespace smol {
namespace {

using ::testing::HasSubstr;
using testing::run_slot;

class ReferenceBackend : public ::testing::Test {
 protected:
  Result<std::unique_ptr<ModelInstance>> compile(const std::string& yaml, int batch = 1, int num_slots = 1) {
    CompileOptions options;
    options.model_path = folder_.write("model.refmodel", yaml);
    options.batch = batch;
    return backend_->compile(options, num_slots);
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<const Backend> backend_ = create_reference_backend();
};

TEST_F(ReferenceBackend, MeanModelAveragesEachChannel) {
  auto model = compile("{format: 1, kind: mean, input: {dtype: u8, layout: NHWC, width: 5, height: 3, channels: 3}}");
  ASSERT_TRUE(model.ok()) << model.error().message;
  auto* data = static_cast<std::uint8_t*>((*model)->input_tensors(0)[0].data);
  double sum = 0;
  for (int pixel = 0; pixel < 15; ++pixel) {
    data[pixel * 3] = static_cast<std::uint8_t>(pixel * 16);
    data[pixel * 3 + 1] = 200;
    data[pixel * 3 + 2] = 7;
    sum += pixel * 16;
  }
  ASSERT_TRUE(run_slot(**model, 0, 1).ok());
  const std::vector<float> means = testing::read_rows(**model, 0, 1);
  ASSERT_EQ(means.size(), 3U);
  EXPECT_NEAR(means[0], sum / 15, 1e-4);
  EXPECT_EQ(means[1], 200.0F);
  EXPECT_EQ(means[2], 7.0F);
}

/// The same picture as u8 NHWC and as f32 NCHW holds the same values: so must be the answers, to the bit.
TEST_F(ReferenceBackend, ProjectionDependsOnValuesNotOnTypeOrLayout) {
  std::vector<float> answers[2];
  for (const bool planar : {false, true}) {
    const std::string input =
        planar ? "{dtype: f32, layout: NCHW, width: 24, height: 18}" : "{dtype: u8, layout: NHWC, width: 24, height: 18}";
    auto model = compile("{format: 1, kind: projection, seed: 5, classes: 7, input: " + input + "}");
    ASSERT_TRUE(model.ok()) << model.error().message;
    void* data = (*model)->input_tensors(0)[0].data;
    for (int i = 0; i < 24 * 18 * 3; ++i) {
      const int pixel = i / 3, c = i % 3, value = (pixel * 31 + c * 77) % 256;
      if (planar) {
        static_cast<float*>(data)[c * 24 * 18 + pixel] = static_cast<float>(value);
      } else {
        static_cast<std::uint8_t*>(data)[i] = static_cast<std::uint8_t>(value);
      }
    }
    ASSERT_TRUE(run_slot(**model, 0, 1).ok());
    answers[planar] = testing::read_rows(**model, 0, 1);
  }
  EXPECT_EQ(answers[0], answers[1]);
  EXPECT_NE(answers[0][0], answers[0][1]);
}

TEST_F(ReferenceBackend, SeedsGiveOtherAnswers) {
  std::vector<float> answers[2];
  for (int seed : {0, 1}) {
    auto model = compile("{format: 1, seed: " + std::to_string(seed) + ", input: {width: 8, height: 8}}");
    ASSERT_TRUE(model.ok()) << model.error().message;
    std::memset((*model)->input_tensors(0)[0].data, 90, 8 * 8 * 3);
    ASSERT_TRUE(run_slot(**model, 0, 1).ok());
    answers[seed] = testing::read_rows(**model, 0, 1);
  }
  EXPECT_NE(answers[0], answers[1]);
}

TEST_F(ReferenceBackend, FailsEveryNthInferenceAndGoesOn) {
  auto model = compile("{format: 1, fail_every: 3, input: {width: 8, height: 8}}");
  ASSERT_TRUE(model.ok()) << model.error().message;
  for (int i = 1; i <= 7; ++i) {
    const auto result = run_slot(**model, 0, 1);
    EXPECT_EQ(result.ok(), i % 3 != 0) << i;
    EXPECT_TRUE(result.ok() || result.error().code == ErrorCode::kDevice);
  }
}

TEST_F(ReferenceBackend, DelayIsPartOfTheTiming) {
  auto model = compile("{format: 1, delay_us: 3000, input: {width: 8, height: 8}}");
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_GE(run_slot(**model, 0, 1)->infer_us, 3000);
}

TEST_F(ReferenceBackend, AnswersWithTheLargestBatchTheModelTakes) {
  auto model = compile("{format: 1, max_batch: 1, input: {width: 8, height: 8}}", 16);
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ((*model)->batch(), 1);
  EXPECT_THAT(std::string((*model)->max_batch_reason()), HasSubstr("max_batch"));
}

TEST_F(ReferenceBackend, NamesTheKeyAndTheLineOfAMistake) {
  const auto unknown = compile("format: 1\ninput: {width: 8, height: 8}\nclases: 3\n");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(unknown.error().message, HasSubstr("line 3"));
  EXPECT_THAT(unknown.error().message, HasSubstr("clases"));
  EXPECT_THAT(unknown.error().message, HasSubstr("classes"));
  EXPECT_FALSE(compile("{format: 2, input: {width: 8, height: 8}}").ok());
  EXPECT_FALSE(compile("{format: 1, input: {width: 0, height: 8}}").ok());
  EXPECT_FALSE(compile("{format: 1, input: {width: 8, height: 8, dtype: f16}}").ok());
  EXPECT_FALSE(compile("{format: 1}").ok());
}

}  // namespace
}  // namespace smol
