#include "backend/simulated/device_schedule.h"

#include <gtest/gtest.h>

namespace smol {
namespace {

DeviceDescription device(int streams) {
  DeviceDescription description;
  description.streams = streams;
  description.transfer_bytes_per_s = 1e9;  // 1,000 bytes a microsecond
  description.transfer_latency_us = 5;
  description.launch_us = 10;
  return description;
}

TEST(DeviceSchedule, OneBatchPassesCopyLaunchComputeCopy) {
  DeviceSchedule schedule(device(4));
  const Passage passage = schedule.admit(1000, 20'000, 1000, 100);
  EXPECT_DOUBLE_EQ(passage.copy_in_begin_us, 1000);
  EXPECT_DOUBLE_EQ(passage.copy_in_end_us, 1025);
  EXPECT_DOUBLE_EQ(passage.compute_begin_us, 1035);
  EXPECT_DOUBLE_EQ(passage.compute_end_us, 1135);
  EXPECT_DOUBLE_EQ(passage.copy_out_end_us, 1141);
  EXPECT_DOUBLE_EQ(passage.transfer_us(), 31);
  EXPECT_DOUBLE_EQ(passage.infer_us(), 100);
}

/// Copies and computation overlap: in the steady state the slowest of them sets the pace.
TEST(DeviceSchedule, ManyBatchesRunAtThePaceOfTheSlowestEngine) {
  for (const auto& [bytes_in, compute_us, pace_us] : {std::tuple{20'000, 100.0, 100.0}, std::tuple{200'000, 100.0, 205.0}}) {
    DeviceSchedule schedule(device(4));
    double before = 0, after = 0;
    for (int i = 0; i < 110; ++i) (i < 10 ? before : after) = schedule.admit(0, bytes_in, 1000, compute_us).copy_out_end_us;
    EXPECT_NEAR((after - before) / 100, pace_us, 1e-9);
  }
}

TEST(DeviceSchedule, OneStreamHasNoOverlap) {
  DeviceSchedule schedule(device(1));
  const double first = schedule.admit(0, 20'000, 1000, 100).copy_out_end_us;
  EXPECT_DOUBLE_EQ(first, 141);
  EXPECT_DOUBLE_EQ(schedule.admit(0, 20'000, 1000, 100).copy_in_begin_us, first);
}

/// Time a batch takes in the steady state, the batches going to the devices in turn.
double pace_us(const DeviceDescription& description, std::int64_t bytes_in, double compute_us) {
  DeviceSchedule schedule(description);
  double before = 0, after = 0;
  for (int i = 0; i < 220; ++i) {
    (i < 20 ? before : after) = schedule.admit(0, bytes_in, 1000, compute_us, i % description.devices).copy_out_end_us;
  }
  return (after - before) / 200;
}

TEST(DeviceSchedule, DevicesComputeBesideEachOther) {
  DeviceDescription two = device(4);
  two.devices = 2;
  EXPECT_NEAR(pace_us(two, 20'000, 100), 50, 1e-9);
  two.shared_transfer = true;
  EXPECT_NEAR(pace_us(two, 20'000, 100), 50, 1e-9);  // 25 us of copying a batch: the link keeps up
}

TEST(DeviceSchedule, ASharedLinkIsOneForAllDevices) {
  DeviceDescription two = device(4);
  two.devices = 2;
  EXPECT_NEAR(pace_us(two, 200'000, 100), 205.0 / 2, 1e-9);
  two.shared_transfer = true;
  EXPECT_NEAR(pace_us(two, 200'000, 100), 205, 1e-9);
}

/// A device that is busy for long has its next copies booked late; the link is free for the others until then.
TEST(DeviceSchedule, AFullDeviceDoesNotHoldUpTheLinkForOthers) {
  DeviceDescription two = device(1);
  two.devices = 2;
  two.shared_transfer = true;
  DeviceSchedule schedule(two);
  const Passage slow = schedule.admit(0, 20'000, 1000, 10'000, 0);
  EXPECT_DOUBLE_EQ(schedule.admit(0, 20'000, 1000, 10'000, 0).copy_in_begin_us, slow.copy_out_end_us);
  const Passage quick = schedule.admit(0, 20'000, 1000, 100, 1);
  EXPECT_DOUBLE_EQ(quick.copy_in_begin_us, 25);
  EXPECT_DOUBLE_EQ(quick.copy_out_end_us, 25 + 141);
  // A copy that does not fit in the gap goes behind.
  EXPECT_DOUBLE_EQ(schedule.admit(0, 20'000'000, 1000, 100, 1).copy_in_begin_us, slow.copy_out_end_us + 25);
}

TEST(DeviceSchedule, JitterStaysInItsBoundsAndRepeats) {
  DeviceDescription jittery = device(1);
  jittery.jitter_fraction = 0.2;
  DeviceSchedule first(jittery), second(jittery);
  double least = 1e9, most = 0;
  for (int i = 0; i < 1000; ++i) {
    const double compute_us = first.admit(0, 1, 1, 100).infer_us();
    EXPECT_NEAR(compute_us, second.admit(0, 1, 1, 100).infer_us(), 1e-6);
    least = std::min(least, compute_us);
    most = std::max(most, compute_us);
  }
  EXPECT_GE(least, 80 - 1e-6);
  EXPECT_LE(most, 120 + 1e-6);
  EXPECT_LT(least, 82);
  EXPECT_GT(most, 118);
}

TEST(BatchTime, FollowsTheCurve) {
  const DeviceDescription::Model model{{{1, 1000}, {9, 3000}}, 0};
  EXPECT_DOUBLE_EQ(batch_time_us(model, 1), 1000);
  EXPECT_DOUBLE_EQ(batch_time_us(model, 9), 3000);
  EXPECT_DOUBLE_EQ(batch_time_us(model, 5), 2000);                 // half way
  EXPECT_DOUBLE_EQ(batch_time_us(model, 18), 6000);                // at the last rate
  EXPECT_DOUBLE_EQ(batch_time_us({{{64, 1000}}, 0}, 16), 64'000);  // no better than the smallest known batch
}

}  // namespace
}  // namespace smol
