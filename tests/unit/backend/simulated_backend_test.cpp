#include "backend/simulated/simulated_backend.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <deque>

#include "backend/reference/reference_backend.h"
#include "backend/simulated/device_description.h"
#include "backend/simulated/device_memory.h"
#include "backend/simulated/device_names.h"
#include "backend/simulated/operator_operations.h"
#include "backend_runner.h"
#include "temporary_folder.h"

namespace smol {
namespace {

using ::testing::HasSubstr;
using testing::run_slot;
using Clock = std::chrono::steady_clock;

class SimulatedBackend : public ::testing::Test {
 protected:
  SimulatedBackend() {
    EXPECT_TRUE(hosts_.add(create_reference_backend()).ok());
    backend_ = create_simulated_backend(hosts_);
    options_.model_path = folder_.write("net.refmodel", "{format: 1, input: {width: 32, height: 32}}");
  }

  std::string device(const std::string& rest) {
    return folder_.write("device.yaml", "format: 1\nname: tiny\ntransfer: {bytes_per_s: 1.0e9, latency_us: 10}\n" + rest);
  }

  Result<std::unique_ptr<ModelInstance>> compile(const std::string& rest, int batch, int num_slots) {
    options_.config_path = device(rest);
    options_.batch = batch;
    return backend_->compile(options_, num_slots);
  }

  testing::TemporaryFolder folder_;
  BackendRegistry hosts_;
  std::unique_ptr<const Backend> backend_;
  CompileOptions options_;
};

/// Batches a second with all slots kept in flight.
double measure_rate(ModelInstance& instance, int num_batches) {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<int> finished;
  for (int slot = 0; slot < instance.num_slots(); ++slot) finished.push_back(slot);
  int submitted = 0, completed = 0;
  const Clock::time_point start = Clock::now();
  std::unique_lock lock(mutex);
  while (completed < num_batches) {
    changed.wait(lock, [&] { return completed == num_batches || (!finished.empty() && submitted < num_batches); });
    if (completed == num_batches) break;
    const int slot = finished.front();
    finished.pop_front();
    ++submitted;
    lock.unlock();
    instance.submit(slot, instance.batch(), [&, slot](const Result<InferTiming>&) {
      const std::lock_guard guard(mutex);
      finished.push_back(slot);
      ++completed;
      changed.notify_one();
    });
    lock.lock();
  }
  return num_batches / std::chrono::duration<double>(Clock::now() - start).count();
}

TEST_F(SimulatedBackend, RunsAtTheDescribedRateWithoutSpinning) {
  auto instance =
      compile("memory_bytes: 10000000\nstreams: 3\nlaunch_us: 20\nmodels: {net: {pictures_per_s: {8: 4000}}}", 8, 4);
  ASSERT_TRUE(instance.ok()) << instance.error().message;
  rusage before{}, after{};
  getrusage(RUSAGE_SELF, &before);
  const double pictures_per_s = measure_rate(**instance, 150) * 8;
  getrusage(RUSAGE_SELF, &after);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  const double cpu_seconds =
      seconds(after.ru_utime) - seconds(before.ru_utime) + seconds(after.ru_stime) - seconds(before.ru_stime);
  // Never faster than described; a busy test machine may be later.
  EXPECT_LE(pictures_per_s, 4000 * 1.02);
  EXPECT_LT(cpu_seconds, 0.5 * 150 * 8 / 4000.0) << "waits must sleep";
}

TEST_F(SimulatedBackend, ReportsModelledTimes) {
  auto instance = compile("memory_bytes: 10000000\nmodels: {\"*\": {pictures_per_s: {1: 1000}}}", 1, 1);
  ASSERT_TRUE(instance.ok()) << instance.error().message;
  const auto timing = run_slot(**instance, 0, 1);
  ASSERT_TRUE(timing.ok());
  EXPECT_NEAR(timing->infer_us, 1000, 1e-6);
  EXPECT_NEAR(timing->transfer_us, 20 + (32 * 32 * 3 + 40) / 1000.0, 1e-6);
}

TEST_F(SimulatedBackend, OperatorsInFrontOfTheModelTakeTime) {
  const std::string description = "memory_bytes: 10000000\nmodels: {net: {pictures_per_s: {4: 4000}}}\n";
  options_.host_output = OutputSpec{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, 32, 32};
  const auto infer_us = [&](const std::string& rest, const std::vector<Operator>& operators) {
    options_.device_operators = operators;
    auto instance = compile(description + rest, 4, 1);
    EXPECT_TRUE(instance.ok()) << instance.error().message;
    return run_slot(**instance, 0, 4)->infer_us;
  };
  const std::vector<Operator> all{ConvertOp{DType::kF32}, NormalizeOp{}, LayoutOp{Layout::kNCHW}};
  const std::string rate = "operators: {operations_per_s: 1.0e8}";
  // 3,072 samples a picture, 4 pictures; 100 operations a microsecond.
  EXPECT_NEAR(infer_us(rate, {}), 1000, 1e-6);
  EXPECT_NEAR(infer_us(rate, {ConvertOp{DType::kF32}}), 1000 + 4 * 30.72, 1e-6);
  EXPECT_NEAR(infer_us(rate, all), 1000 + 4 * 30.72 * 4, 1e-6);
  EXPECT_NEAR(infer_us("", all), 1000, 1e-6);
  EXPECT_THAT(compile(description + "operators: {operations_per_s: 0}", 4, 1).error().message, HasSubstr("positive"));
  EXPECT_THAT(compile(description + "operators: {}", 4, 1).error().message, HasSubstr("operations_per_s"));
  options_.host_output.reset();
  EXPECT_THAT(compile(description, 4, 1).error().message, HasSubstr("host_output"));
}

TEST(OperatorOperations, CountSamplesOfThePictureTheyMeet) {
  const OutputSpec bytes{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, 20, 10},
      gray{.dtype = DType::kU8, .color = ColorOrder::kGray, .width = 20, .height = 10};
  const auto count = [](const OutputSpec& input, std::vector<Operator> operators) {
    return count_operations(operators, input);
  };
  EXPECT_EQ(count(bytes, {ConvertOp{DType::kF32}, ConvertOp{DType::kF32}}), 600);
  EXPECT_EQ(count(gray, {ConvertOp{DType::kF32}, NormalizeOp{}}), 200 + 400);
  EXPECT_EQ(count(bytes, {ColorOp{ColorOrder::kGray}, LayoutOp{}}), 600 + 200);
  EXPECT_EQ(count(bytes, {CenterCropOp{10, 10}, NormalizeOp{}}), 600);
  // To half: 4 taps on each axis, columns on 10 rows, then rows on 5.
  const ResizeOp half{ResizeOp::Mode::kExact, 10, 5};
  EXPECT_EQ(count(bytes, {half, LayoutOp{}}), 3 * (10 * 10 * 4 + 10 * 5 * 4) + 150);
  EXPECT_EQ(count(bytes, {ResizeOp{ResizeOp::Mode::kExact, 20, 5}}), 3 * 20 * 5 * 4);
}

TEST_F(SimulatedBackend, AnswersAreTheHostBackends) {
  auto instance = compile(
      "memory_bytes: 10000000\nprotect_memory: true\ncompute: reference\nmodels: {net: {pictures_per_s: {4: 50000}}}", 4, 2);
  ASSERT_TRUE(instance.ok()) << instance.error().message;
  options_.config_path.clear();
  auto host = hosts_.find("reference").value()->compile(options_, 1);
  ASSERT_TRUE(host.ok());
  for (auto* model : {instance->get(), host->get()}) {
    auto* data = static_cast<std::uint8_t*>(model->input_tensors(0)[0].data);
    for (int i = 0; i < 4 * 32 * 32 * 3; ++i) data[i] = static_cast<std::uint8_t>(i * 13 + i / 3072 * 40);
    ASSERT_TRUE(run_slot(*model, 0, 4).ok());
  }
  EXPECT_EQ(testing::read_rows(**instance, 0, 4), testing::read_rows(**host, 0, 4));
}

TEST_F(SimulatedBackend, PageableSlotsAreStagedAndAnswerAlike) {
  options_.model_path = folder_.write("net.refmodel", "{format: 1, input: {width: 512, height: 512}}");
  const std::string description = "memory_bytes: 100000000\ncompute: reference\nmodels: {net: {pictures_per_s: {4: 50000}}}";
  auto pinned = compile(description, 4, 2);
  options_.pinned_memory = false;
  auto pageable = compile(description, 4, 2);
  ASSERT_TRUE(pinned.ok() && pageable.ok());
  EXPECT_EQ((*pinned)->input_tensors(1)[0].memory, MemoryKind::kPinned);
  EXPECT_EQ((*pageable)->input_tensors(1)[0].memory, MemoryKind::kHost);
  double transfer_us[2] = {};
  for (auto* model : {pinned->get(), pageable->get()}) {
    auto* data = static_cast<std::uint8_t*>(model->input_tensors(1)[0].data);
    for (int i = 0; i < 4 * 512 * 512 * 3; ++i) data[i] = static_cast<std::uint8_t>(i * 13 + i / 3072 * 40);
    const auto timing = run_slot(*model, 1, 4);
    ASSERT_TRUE(timing.ok());
    transfer_us[model == pageable->get()] = timing->transfer_us;
  }
  EXPECT_EQ(testing::read_rows(**pageable, 1, 4), testing::read_rows(**pinned, 1, 4));
  EXPECT_GT(transfer_us[1], transfer_us[0]);
}

TEST_F(SimulatedBackend, FailuresOfTheHostBackendArrive) {
  options_.model_path = folder_.write("net.refmodel", "{format: 1, fail_every: 2, input: {width: 32, height: 32}}");
  auto instance = compile("memory_bytes: 10000000\ncompute: reference\nmodels: {net: {pictures_per_s: {1: 50000}}}", 1, 1);
  ASSERT_TRUE(instance.ok()) << instance.error().message;
  EXPECT_TRUE(run_slot(**instance, 0, 1).ok());
  EXPECT_EQ(run_slot(**instance, 0, 1).error().code, ErrorCode::kDevice);
  EXPECT_TRUE(run_slot(**instance, 0, 1).ok());
}

TEST_F(SimulatedBackend, InstancesShareTheDevicesMemory) {
  const std::string description = "memory_bytes: 300000\nmodels: {net: {pictures_per_s: {1: 1000}, memory_bytes: 200000}}";
  auto first = compile(description, 1, 1);
  ASSERT_TRUE(first.ok()) << first.error().message;
  auto second = compile(description, 1, 1);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kOutOfMemory);
  EXPECT_THAT(second.error().message, HasSubstr("tiny"));
  first->reset();
  EXPECT_TRUE(compile(description, 1, 1).ok());
}

TEST_F(SimulatedBackend, SlotsAndWeightsAreSpreadOverTheDevicesMemories) {
  // A slot takes a page for 32 x 32 pictures; a device holds the weights and 2 slots.
  const std::string description = "memory_bytes: 210000\nmodels: {net: {pictures_per_s: {1: 1000}, memory_bytes: 200000}}";
  const auto compile_on = [&](int devices, int num_slots) {
    return compile(fmt::format("devices: {}\n", devices) + description, 1, num_slots);
  };
  EXPECT_TRUE(compile_on(1, 2).ok());
  EXPECT_EQ(compile_on(1, 3).error().code, ErrorCode::kOutOfMemory);
  EXPECT_TRUE(compile_on(2, 4).ok());
  EXPECT_EQ(compile_on(2, 5).error().code, ErrorCode::kOutOfMemory);
  {
    const auto on_both = compile_on(2, 2);
    EXPECT_TRUE(on_both.ok());
    EXPECT_FALSE(compile_on(2, 1).ok());
  }
  // The second instance goes where there is room; the first one's memory is free again when it is gone.
  auto first = compile_on(2, 1), second = compile_on(2, 1);
  EXPECT_TRUE(first.ok() && second.ok());
  EXPECT_FALSE(compile_on(2, 1).ok());
  first->reset();
  EXPECT_TRUE(compile_on(2, 1).ok());
  EXPECT_THAT(compile_on(0, 1).error().message, HasSubstr("devices"));
}

TEST_F(SimulatedBackend, ABatchOnASecondDeviceDoesNotWaitForTheFirst) {
  const std::string models = "models: {slow: {pictures_per_s: {1: 2.5}}, quick: {pictures_per_s: {1: 10000}}}";
  /// Models in the order in which they finish; empty where the machine stalled for longer than the slow one takes.
  const auto order = [&](int devices) {
    std::vector<std::unique_ptr<ModelInstance>> instances;
    for (const char* name : {"slow", "quick"}) {
      options_.model_path = folder_.write(std::string(name) + ".refmodel", "{format: 1, input: {width: 32, height: 32}}");
      instances.push_back(
          compile(fmt::format("devices: {}\nmemory_bytes: 1000000\nstreams: 2\n", devices) + models, 1, 1).value());
    }
    std::mutex mutex;
    std::string finished;
    const Clock::time_point start = Clock::now();
    for (const char name : {'s', 'q'}) {
      instances[name == 'q']->submit(0, 1, [&, name](const Result<InferTiming>&) {
        const std::lock_guard guard(mutex);
        finished += name;
      });
    }
    const bool stalled = Clock::now() - start > std::chrono::milliseconds(300);
    instances.clear();  // waits for both
    return stalled ? std::string() : finished;
  };
  std::string on_one, on_two;
  while (on_one.empty()) on_one = order(1);
  while (on_two.empty()) on_two = order(2);
  EXPECT_EQ(on_one, "sq");
  EXPECT_EQ(on_two, "qs");
}

TEST_F(SimulatedBackend, SaysWhatADescriptionLacks) {
  options_.batch = 1;
  EXPECT_THAT(backend_->compile(options_, 1).error().message, HasSubstr("backend_config"));
  options_.config_path = "nvidia_t5";
  EXPECT_THAT(backend_->compile(options_, 1).error().message, AllOf(HasSubstr("nvidia_t5"), HasSubstr("nvidia_t4, ")));
  EXPECT_THAT(compile("memory_bytes: 100\nmodels: {other: {pictures_per_s: {1: 5}}}", 1, 1).error().message,
              HasSubstr("other"));
  EXPECT_THAT(compile("memory_bytes: 100\nspeed: 9\nmodels: {net: {pictures_per_s: {1: 5}}}", 1, 1).error().message,
              HasSubstr("'speed'"));
  EXPECT_THAT(compile("memory_bytes: 100\nmodels: {net: {pictures_per_s: {1: 0}}}", 1, 1).error().message,
              HasSubstr("positive"));
  EXPECT_THAT(
      compile("memory_bytes: 10000000\ncompute: magic\nmodels: {net: {pictures_per_s: {1: 5}}}", 1, 1).error().message,
      HasSubstr("wait, reference"));
}

TEST_F(SimulatedBackend, DevicesThatComeAlongSayWhereTheirFiguresAreFrom) {
  const std::vector<std::string> names = device_names();
  EXPECT_THAT(names, ::testing::IsSupersetOf({"nvidia_k80", "nvidia_p100", "nvidia_t4", "nvidia_v100", "rtx"}));
  for (const std::string& name : names) {
    const auto description = DeviceDescription::load(path_of_device(name));
    ASSERT_TRUE(description.ok()) << description.error().message;
    EXPECT_FALSE(description->name.empty()) << name;
    for (const char* part : {"The paper's: ", "VLDB 2021", "Assumed: ", "other batches"}) {
      EXPECT_THAT(description->source, HasSubstr(part)) << name;
    }
    EXPECT_EQ(device_at(path_of_device(name)), name);
  }
  EXPECT_EQ(path_of_device("../devices/rtx"), "");
  EXPECT_EQ(device_at("rtx"), "");
}

TEST_F(SimulatedBackend, DevicesThatComeAlongRunAtPublishedRates) {
  options_.batch = 64;
  for (const auto& [device, model, pictures_per_s] : {std::tuple{"nvidia_t4", "resnet18", 12592.0},
                                                      {"nvidia_t4", "resnet34", 6860.0},
                                                      {"nvidia_t4", "resnet50", 4513.0},
                                                      {"nvidia_k80", "resnet50", 159.0},
                                                      {"nvidia_p100", "resnet50", 1955.0},
                                                      {"nvidia_v100", "resnet50", 7151.0},
                                                      {"rtx", "resnet50", 15008.0}}) {
    options_.config_path = path_of_device(device);
    options_.model_path = fmt::format(SMOL_TESTS_DIR "/../devices/models/{}.refmodel", model);
    auto instance = backend_->compile(options_, 1);
    ASSERT_TRUE(instance.ok()) << instance.error().message;
    const auto timing = run_slot(**instance, 0, 64);
    ASSERT_TRUE(timing.ok());
    EXPECT_NEAR(64e6 / timing->infer_us, pictures_per_s, pictures_per_s * 0.0102) << device;
  }
}

TEST(DeviceMemoryDeathTest, HostCodeMayNotTouchProtectedMemory) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  auto memory = DeviceMemory::allocate(100, 2, true);
  ASSERT_TRUE(memory.ok());
  {
    const DeviceMemory::Window window(*memory, 1);
    *window.data() = std::byte{7};
    EXPECT_EQ(*window.data(), std::byte{7});
  }
  volatile std::byte* address = memory->address(1);
  EXPECT_DEATH(*address = std::byte{1}, "");
  auto open = DeviceMemory::allocate(100, 1, false);
  ASSERT_TRUE(open.ok());
  *open->address(0) = std::byte{1};
}

}  // namespace
}  // namespace smol
