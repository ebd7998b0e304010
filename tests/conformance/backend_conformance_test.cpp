/// One suite over every backend that is available here: what backend.h promises of slots, batches and completions.
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <deque>
#include <functional>
#include <thread>

#include "backend_runner.h"
#include "smol/backend.h"
#include "temporary_folder.h"

namespace smol {
namespace {

using testing::fill;
using testing::read_rows;
using testing::run_slot;

constexpr int kSide = 16, kValues = 3 * kSide * kSide;

/// A backend with a model [N,3,16,16] → [N,K] in floats.
struct Candidate {
  std::string label, backend;
  std::function<CompileOptions(const testing::TemporaryFolder&)> prepare;
  friend void PrintTo(const Candidate& candidate, std::ostream* out) { *out << candidate.label; }
};

constexpr const char* kProjection = R"(format: 1
kind: projection
input: {dtype: f32, layout: NCHW, width: 16, height: 16, channels: 3}
classes: 10
)";
constexpr const char* kDevice = R"(format: 1
name: test device
memory_bytes: 100000000
streams: 2
transfer: {bytes_per_s: 1.0e9, latency_us: 20}
launch_us: 10
jitter: {fraction: 0.1, seed: 3}
protect_memory: true
compute: COMPUTE
models: {"*": {pictures_per_s: {1: 5000, 8: 20000}}}
)";

CompileOptions reference_options(const testing::TemporaryFolder& folder) {
  CompileOptions options;
  options.model_path = folder.write("projection.refmodel", kProjection);
  return options;
}

/// One of the networks that the build made with make_models.py.
CompileOptions network_options(const std::string& file) {
  CompileOptions options;
  options.model_path = SMOL_BINARY_DIR "/test_models/" + file;
  return options;
}

CompileOptions on_device(CompileOptions options, const testing::TemporaryFolder& folder, const std::string& compute) {
  std::string device = kDevice;
  device.replace(device.find("COMPUTE"), 7, compute);
  options.config_path = folder.write("device.yaml", device);
  return options;
}

std::vector<Candidate> candidates() {
  using Folder = testing::TemporaryFolder;
  std::vector<Candidate> all{
      {"reference", "reference", reference_options},
      {"simulated", "simulated",
       [](const Folder& folder) { return on_device(reference_options(folder), folder, "reference"); }},
  };
  if (built_in_backends().find("openvino").ok()) {
    for (const auto& [label, file] : {std::pair{"openvino_onnx", "dynamic.onnx"},
                                      {"openvino_ir", "dynamic.xml"},
                                      {"openvino_constant_reshape", "constant_reshape.onnx"}}) {
      all.push_back({label, "openvino", [file = std::string(file)](const Folder&) { return network_options(file); }});
    }
    all.push_back({"simulated_openvino", "simulated",
                   [](const Folder& folder) { return on_device(network_options("dynamic.onnx"), folder, "openvino"); }});
  }
  return all;
}

/// Pictures that differ, so that swapped rows are seen.
std::vector<float> pictures(int count, int first = 0) {
  std::vector<float> values;
  for (int picture = first; picture < first + count; ++picture) {
    for (int i = 0; i < kValues; ++i)
      values.push_back(std::sin(static_cast<float>(i * (picture + 1)) * 0.01F) + 0.2F * picture);
  }
  return values;
}

class BackendConformance : public ::testing::TestWithParam<Candidate> {
 protected:
  void SetUp() override {
    options_ = GetParam().prepare(folder_);
    auto found = registry_.find(GetParam().backend);
    ASSERT_TRUE(found.ok()) << found.error().message;
    backend_ = *found;
  }

  std::unique_ptr<ModelInstance> compile(int batch, int num_slots) {
    options_.batch = batch;
    auto instance = backend_->compile(options_, num_slots);
    EXPECT_TRUE(instance.ok()) << instance.error().message;
    return instance.ok() ? *std::move(instance) : nullptr;
  }

  /// Answers of single runs: the oracle for batches.
  std::vector<float> single_answers(int count, int first = 0) {
    const auto single = compile(1, 1);
    std::vector<float> answers;
    for (int picture = first; picture < first + count; ++picture) {
      fill(*single, 0, pictures(1, picture));
      EXPECT_TRUE(run_slot(*single, 0, 1).ok());
      const std::vector<float> row = read_rows(*single, 0, 1);
      answers.insert(answers.end(), row.begin(), row.end());
    }
    return answers;
  }

  void expect_equal(const std::vector<float>& got, const std::vector<float>& expected) const {
    ASSERT_EQ(got.size(), expected.size());
    // Networks run through other kernels at other batches; integer arithmetic does not.
    const float tolerance = options_.model_path.ends_with(".refmodel") ? 0.0F : 1e-4F;
    for (std::size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], expected[i], tolerance) << "value " << i;
  }

  testing::TemporaryFolder folder_;
  BackendRegistry registry_ = built_in_backends();
  const Backend* backend_ = nullptr;
  CompileOptions options_;
};

TEST_P(BackendConformance, SlotsAreSeparateTensorsWithTheBatchInFront) {
  const auto instance = compile(4, 3);
  EXPECT_EQ(instance->batch(), 4) << instance->max_batch_reason();
  EXPECT_TRUE(instance->max_batch_reason().empty());
  ASSERT_EQ(instance->num_slots(), 3);
  ASSERT_EQ(instance->inputs().size(), 1U);
  EXPECT_EQ(instance->inputs()[0].shape, (Shape{4, 3, kSide, kSide}));
  EXPECT_EQ(instance->outputs()[0].shape[0], 4);
  for (int slot = 0; slot < 3; ++slot) {
    const TensorView input = instance->input_tensors(slot)[0], output = instance->output_tensors(slot)[0];
    EXPECT_EQ(input.shape, instance->inputs()[0].shape);
    EXPECT_EQ(output.shape, instance->outputs()[0].shape);
    EXPECT_NE(input.memory, MemoryKind::kDevice);
    std::memset(input.data, slot, input.size_bytes());
  }
  for (int slot = 0; slot < 3; ++slot) {
    EXPECT_EQ(static_cast<const std::uint8_t*>(instance->input_tensors(slot)[0].data)[100], slot);
  }
}

TEST_P(BackendConformance, DescribesTheModelWithoutCompilingIt) {
  const auto specs = backend_->describe(options_.model_path);
  ASSERT_TRUE(specs.ok()) << specs.error().message;
  const auto instance = compile(1, 1);
  ASSERT_EQ(specs->first.size(), instance->inputs().size());
  EXPECT_EQ(specs->first[0].name, instance->inputs()[0].name);
  EXPECT_EQ(specs->first[0].dtype, instance->inputs()[0].dtype);
  EXPECT_EQ(specs->first[0].shape[1], instance->inputs()[0].shape[1]);
  EXPECT_EQ(specs->second[0].shape.size(), instance->outputs()[0].shape.size());
}

TEST_P(BackendConformance, BatchEqualsSingleRuns) {
  const std::vector<float> expected = single_answers(5);
  const auto instance = compile(5, 1);
  ASSERT_EQ(instance->batch(), 5) << instance->max_batch_reason();
  fill(*instance, 0, pictures(5));
  ASSERT_TRUE(run_slot(*instance, 0, 5).ok());
  expect_equal(read_rows(*instance, 0, 5), expected);
}

TEST_P(BackendConformance, PartialBatchAnswersItsValidRows) {
  const std::vector<float> expected = single_answers(2);
  const auto instance = compile(4, 1);
  std::memset(instance->input_tensors(0)[0].data, 0xFF,
              instance->input_tensors(0)[0].size_bytes());  // NaN past the valid rows
  fill(*instance, 0, pictures(2));
  ASSERT_TRUE(run_slot(*instance, 0, 2).ok());
  expect_equal(read_rows(*instance, 0, 2), expected);
}

TEST_P(BackendConformance, SeveralInFlightCompleteOnceEachOnOtherThreads) {
  constexpr int kSlots = 4, kRounds = 25;
  options_.streams = 2;
  options_.threads_per_stream = 1;
  const std::vector<float> expected = single_answers(kSlots);
  const auto instance = compile(1, kSlots);
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<int> finished;
  int on_own_thread = 0, failed = 0;
  const auto submit = [&](int slot) {
    fill(*instance, slot, pictures(1, slot));
    instance->submit(slot, 1, [&, slot, submitter = std::this_thread::get_id()](const Result<InferTiming>& result) {
      const std::lock_guard lock(mutex);
      on_own_thread += std::this_thread::get_id() == submitter;
      failed += !result.ok();
      finished.push_back(slot);
      changed.notify_one();
    });
  };
  for (int slot = 0; slot < kSlots; ++slot) submit(slot);
  const std::size_t width = expected.size() / kSlots;
  for (int i = 0; i < kSlots * kRounds; ++i) {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(20), [&] { return !finished.empty(); })) << "lost a completion";
    const int slot = finished.front();
    finished.pop_front();
    lock.unlock();
    expect_equal(read_rows(*instance, slot, 1), {expected.begin() + slot * width, expected.begin() + (slot + 1) * width});
    if (i < kSlots * (kRounds - 1)) submit(slot);  // at once: the completion may not have returned yet
  }
  const std::lock_guard lock(mutex);
  EXPECT_TRUE(finished.empty());
  EXPECT_EQ(on_own_thread, 0);
  EXPECT_EQ(failed, 0);
}

TEST_P(BackendConformance, DestructionWaitsForWhatIsInFlight) {
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> completed = 0;
    auto instance = compile(2, 3);
    for (int slot = 0; slot < 3; ++slot) {
      fill(*instance, slot, pictures(2));
      instance->submit(slot, 2, [&completed](const Result<InferTiming>&) { ++completed; });
    }
    instance.reset();
    ASSERT_EQ(completed, 3);
  }
}

TEST_P(BackendConformance, TimingIsReported) {
  const auto instance = compile(1, 1);
  fill(*instance, 0, pictures(1));
  const auto timing = run_slot(*instance, 0, 1);
  ASSERT_TRUE(timing.ok());
  EXPECT_GT(timing->infer_us, 0);
  EXPECT_EQ(timing->transfer_us > 0, backend_->capabilities().separate_memory);
}

TEST_P(BackendConformance, DeviceOperatorsEqualTheSameOnTheHost) {
  if (!backend_->capabilities().compiles_device_operators) GTEST_SKIP() << "not declared";
  const NormalizeOp normalize{{120, 110, 100}, {60, 50, 40}};
  std::vector<std::uint8_t> host(kValues);
  std::vector<float> normalized(kValues);
  for (int pixel = 0; pixel < kSide * kSide; ++pixel) {
    for (int c = 0; c < 3; ++c) {
      const int value = (pixel * 7 + c * 50) % 256;
      host[pixel * 3 + 2 - c] = static_cast<std::uint8_t>(value);  // the host writes BGR
      normalized[c * kSide * kSide + pixel] = (static_cast<float>(value) - normalize.mean[c]) * (1.0F / normalize.scale[c]);
    }
  }
  const auto plain = compile(1, 1);
  fill(*plain, 0, normalized);
  ASSERT_TRUE(run_slot(*plain, 0, 1).ok());

  options_.host_output = OutputSpec{DType::kU8, Layout::kNHWC, ColorOrder::kBGR, kSide, kSide};
  // Mean and scale are in RGB order wherever the channels are turned round.
  const Operator color = ColorOp{ColorOrder::kRGB}, convert = ConvertOp{DType::kF32}, layout = LayoutOp{Layout::kNCHW};
  for (const std::vector<Operator>& operators :
       {std::vector<Operator>{color, convert, normalize, layout}, std::vector<Operator>{convert, normalize, layout, color},
        std::vector<Operator>{layout, convert, color, normalize}}) {
    options_.device_operators = operators;
    const auto fused = compile(2, 1);
    ASSERT_EQ(fused->inputs()[0].dtype, DType::kU8);
    ASSERT_EQ(fused->inputs()[0].shape, (Shape{2, kSide, kSide, 3}));
    std::memcpy(fused->input_tensors(0)[0].data, host.data(), host.size());
    ASSERT_TRUE(run_slot(*fused, 0, 1).ok());
    expect_equal(read_rows(*fused, 0, 1), read_rows(*plain, 0, 1));
  }
}

TEST_P(BackendConformance, RefusesWhatItCannotCompileWithACode) {
  if (backend_->capabilities().compiles_device_operators) {
    CompileOptions wrong = options_;
    wrong.host_output = OutputSpec{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, kSide + 1, kSide};
    wrong.device_operators = {ConvertOp{DType::kF32}, LayoutOp{Layout::kNCHW}};
    auto refused = backend_->compile(wrong, 1);
    if (!backend_->capabilities().simulated) {
      ASSERT_FALSE(refused.ok());
      EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument) << refused.error().message;
    }
    wrong.host_output = OutputSpec{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, kSide, kSide};
    wrong.device_operators = {CenterCropOp{kSide, kSide}};
    refused = backend_->compile(wrong, 1);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kUnsupported) << refused.error().message;
  }
  CompileOptions zero = options_;
  zero.batch = 0;
  EXPECT_EQ(backend_->compile(zero, 1).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(backend_->compile(options_, 0).error().code, ErrorCode::kInvalidArgument);
  CompileOptions missing = options_;
  missing.model_path = folder_.path("missing") + std::filesystem::path(options_.model_path).extension().string();
  EXPECT_EQ(backend_->compile(missing, 1).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(backend_->describe(missing.model_path).error().code, ErrorCode::kNotFound);
  CompileOptions unknown = options_;
  unknown.model_path = folder_.write("model.unknown", "x");
  EXPECT_EQ(backend_->describe(unknown.model_path).error().code, ErrorCode::kUnsupported);
  CompileOptions broken = options_;
  broken.model_path =
      folder_.write("broken" + std::filesystem::path(options_.model_path).extension().string(), "{[ not a model");
  const auto compiled = backend_->compile(broken, 1);
  ASSERT_FALSE(compiled.ok());
  EXPECT_TRUE(compiled.error().code == ErrorCode::kCorrupt || compiled.error().code == ErrorCode::kInvalidArgument)
      << compiled.error().to_string();
}

TEST_P(BackendConformance, CompilesFromSeveralThreads) {
  std::vector<std::jthread> threads;
  std::atomic<int> succeeded = 0;
  for (int batch : {1, 2, 2, 3}) {
    threads.emplace_back([&, batch] {
      CompileOptions options = options_;
      options.batch = batch;
      auto instance = backend_->compile(options, 1);
      if (!instance.ok()) return;
      fill(**instance, 0, pictures(batch));
      succeeded += run_slot(**instance, 0, batch).ok();
    });
  }
  threads.clear();
  EXPECT_EQ(succeeded, 4);
}

INSTANTIATE_TEST_SUITE_P(Backends, BackendConformance, ::testing::ValuesIn(candidates()),
                         [](const auto& candidate) { return candidate.param.label; });

}  // namespace
}  // namespace smol
