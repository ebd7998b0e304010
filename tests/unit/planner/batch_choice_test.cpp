#include "planner/batch_choice.h"

#include <gtest/gtest.h>

#include "unit/engine/engine_fixture.h"

namespace smol {
namespace {

/// A busy machine may measure a rate wrongly, so that a choice is asked for until it is `wanted`, a few times.
int chosen_batch(const EngineFixture& fixture, const Plan& plan, int wanted) {
  int batch = 0;
  for (int attempt = 0; attempt < 4 && batch != wanted; ++attempt) {
    const auto choice = choose_batch(fixture.runtime, plan, 1, {});
    EXPECT_TRUE(choice.ok()) << choice.error().message;
    if (!choice.ok()) break;
    batch = choice->compiled.plan().shape.batch;
  }
  return batch;
}

/// A plan for a simulated device.
Plan on_device(const EngineFixture& fixture, const std::string& rates, const std::string& memory_bytes) {
  Plan plan = fixture.make_plan("net");
  fixture.folder.write("device.yaml",
                       "format: 1\nname: test\ntransfer: {bytes_per_s: 1.0e10}\nmemory_bytes: " + memory_bytes +
                           "\nmodels: {\"*\": {pictures_per_s: " + rates + ", memory_bytes: 100}}\n");
  std::string card =
      "format: 1\nname: net\nfile: net.refmodel\nbackend: simulated\nbackend_config: device.yaml\n"
      "task: classification\ninput: {layout: NHWC, dtype: u8, width: 16, height: 16}\n"
      "preprocess: {resize: {width: 16, height: 16}}\noutput: {activation: none, classes: 10}\n";
  plan.model = fixture.folder.write("simulated.yaml", card);
  plan.backend = "simulated";
  return plan;
}

TEST(BatchChoice, GrowsOnADeviceAsLongAsTheRateRises) {
  const EngineFixture fixture;
  // It stops where the rate does, and does not learn of what lies beyond.
  const std::string rates = "{1: 400, 64: 12800, 128: 12800, 256: 51200}";
  EXPECT_EQ(chosen_batch(fixture, on_device(fixture, rates, "1000000000"), 64), 64);
}

TEST(BatchChoice, EndsWhereTheDevicesMemoryDoes) {
  const EngineFixture fixture;
  // 5 slots of 16 x 16 pictures: about 130 kB at batch 32 beside 70 kB at batch 16; batch 64 does not fit.
  EXPECT_EQ(chosen_batch(fixture, on_device(fixture, "{1: 400, 64: 12800}", "300000"), 32), 32);
}

TEST(BatchChoice, KeepsToSmallBatchesOnTheHost) {
  const EngineFixture fixture;
  EXPECT_EQ(chosen_batch(fixture, fixture.make_plan("net", "delay_us: 5000\n"), 16), 16);
}

TEST(BatchChoice, AFixedBatchLeavesNoChoice) {
  const EngineFixture fixture;
  const auto choice = choose_batch(fixture.runtime, on_device(fixture, "{1: 400, 64: 12800}", "1000000000"), 3, {});
  ASSERT_TRUE(choice.ok()) << choice.error().message;
  EXPECT_EQ(choice->compiled.plan().shape.batch, 3);
  EXPECT_EQ(choose_batch(fixture.runtime, on_device(fixture, "{1: 100}", "1000"), 1, {}).error().code,
            ErrorCode::kOutOfMemory);
}

}  // namespace
}  // namespace smol
