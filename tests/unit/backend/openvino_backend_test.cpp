#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "backend_runner.h"
#include "smol/backend.h"
#include "test_data.h"

namespace smol {
namespace {

using ::testing::HasSubstr;
using testing::run_slot;

std::string read_bytes(const std::string& name) {
  std::ifstream file(SMOL_BINARY_DIR "/test_models/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<float> read_floats(const std::string& name) {
  const std::string bytes = read_bytes(name);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

class OpenVino : public ::testing::Test {
 protected:
  void SetUp() override {
    auto found = registry_.find("openvino");
    ASSERT_TRUE(found.ok()) << found.error().message;
    backend_ = *found;
  }

  std::unique_ptr<ModelInstance> compile(const std::string& path, int batch, Precision precision = Precision::kF32) {
    options_.model_path = path.find('/') == std::string::npos ? SMOL_BINARY_DIR "/test_models/" + path : path;
    options_.batch = batch;
    options_.precision = precision;
    auto instance = backend_->compile(options_, 1);
    EXPECT_TRUE(instance.ok()) << instance.error().message;
    return instance.ok() ? *std::move(instance) : nullptr;
  }

  BackendRegistry registry_ = built_in_backends();
  const Backend* backend_ = nullptr;
  CompileOptions options_;
};

TEST_F(OpenVino, AnswersAreNumPys) {
  const std::vector<float> expected = read_floats("output.f32");
  ASSERT_EQ(expected.size(), 80U);
  for (const char* file : {"dynamic.onnx", "dynamic.xml", "constant_reshape.onnx"}) {
    const auto instance = compile(file, 8);
    ASSERT_EQ(instance->batch(), 8) << instance->max_batch_reason();
    testing::fill(*instance, 0, read_floats("input.f32"));
    ASSERT_TRUE(run_slot(*instance, 0, 8).ok());
    const std::vector<float> got = testing::read_rows(*instance, 0, 8);
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-5) << file << " value " << i;
  }
}

TEST_F(OpenVino, FastPrecisionsComputeAboutTheSame) {
  const std::vector<float> expected = read_floats("output.f32");
  const std::vector<Precision> fast = backend_->capabilities().fast_precisions;
  EXPECT_THAT(fast, ::testing::Contains(Precision::kF32));
  for (Precision precision : {Precision::kBF16, Precision::kF16}) {
    options_.precision = precision;
    options_.model_path = SMOL_BINARY_DIR "/test_models/dynamic.onnx";
    if (std::find(fast.begin(), fast.end(), precision) == fast.end()) {
      EXPECT_EQ(backend_->compile(options_, 1).error().code, ErrorCode::kUnsupported);
      continue;
    }
    const auto instance = compile("dynamic.onnx", 8, precision);
    testing::fill(*instance, 0, read_floats("input.f32"));
    ASSERT_TRUE(run_slot(*instance, 0, 8).ok());
    const std::vector<float> got = testing::read_rows(*instance, 0, 8);
    for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 0.05) << "value " << i;
  }
}

TEST_F(OpenVino, ConstantReshapesFollowTheBatch) {
  const auto folding = compile("folding.onnx", 4), shuffle = compile("shuffle.onnx", 4);
  EXPECT_EQ(folding->batch(), 4) << folding->max_batch_reason();
  EXPECT_EQ(folding->outputs()[0].shape, (Shape{4, 512, 4}));
  EXPECT_EQ(shuffle->batch(), 4) << shuffle->max_batch_reason();
  EXPECT_EQ(shuffle->outputs()[0].shape, (Shape{4, 4, 16, 16}));
}

TEST_F(OpenVino, RefusesToBatchWhatMixesPictures) {
  const auto instance = compile("mixing.onnx", 4);
  EXPECT_EQ(instance->batch(), 1);
  EXPECT_THAT(std::string(instance->max_batch_reason()), HasSubstr("batch 4"));
  EXPECT_THAT(std::string(instance->max_batch_reason()), HasSubstr("differs from a single run"));
}

TEST_F(OpenVino, ThreadsAndStreamsAreTakenAsGiven) {
  options_.streams = 2;
  options_.threads_per_stream = 1;
  const auto instance = compile("dynamic.onnx", 1);
  testing::fill(*instance, 0, std::vector<float>(768, 1.0F));
  EXPECT_TRUE(run_slot(*instance, 0, 1).ok());
}

TEST_F(OpenVino, AnswersForLatencyAreNumPysToo) {
  options_.latency_hint = true;
  const std::vector<float> expected = read_floats("output.f32");
  const auto instance = compile("dynamic.onnx", 8);
  testing::fill(*instance, 0, read_floats("input.f32"));
  ASSERT_TRUE(run_slot(*instance, 0, 8).ok());
  const std::vector<float> got = testing::read_rows(*instance, 0, 8);
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 2e-5) << "value " << i;
}

TEST_F(OpenVino, ResizesOnTheDeviceLikePillow) {
  const std::vector<float> expected = read_floats("small.f32");
  options_.host_output = OutputSpec{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, 40, 30};
  options_.device_operators = {ResizeOp{ResizeOp::Mode::kExact, 16, 16}, ConvertOp{DType::kF32}, LayoutOp{Layout::kNCHW}};
  const auto instance = compile("identity.onnx", 1);
  ASSERT_EQ(instance->inputs()[0].shape, (Shape{1, 30, 40, 3}));
  const std::string picture = read_bytes("picture.u8");
  std::memcpy(instance->input_tensors(0)[0].data, picture.data(), picture.size());
  ASSERT_TRUE(run_slot(*instance, 0, 1).ok());
  const std::vector<float> got = testing::read_rows(*instance, 0, 1);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(got[i], expected[i], 1) << "value " << i;
}

/// The models of the data folder that fail, or fold the batch silently, when they are only reshaped.
TEST_F(OpenVino, RealModelsAreBatchedOrSayWhy) {
  SMOL_DATA_OR_SKIP(models, "models");
  for (const char* file : {"mobilenet_v1_0.25_128_quant.tflite", "fastestdet.onnx", "yunet_n_640_640.onnx"}) {
    const std::string path = models + "/" + file;
    ASSERT_TRUE(backend_->describe(path).ok());
    const auto instance = compile(path, 3);
    EXPECT_EQ(instance->batch(), 3) << file << ": " << instance->max_batch_reason();
    for (const TensorSpec& output : instance->outputs()) EXPECT_EQ(output.shape[0], 3) << file << " " << output.name;
  }
}

}  // namespace
}  // namespace smol
