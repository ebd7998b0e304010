#include "codec/video/video_index.h"

#include <gtest/gtest.h>

namespace smol {
namespace {

PacketFacts packet(std::int64_t pts, std::int64_t dts, bool key = false, bool discard = false) {
  return {pts, dts, key, discard, 100};
}

VideoInfo info_of_25_a_second() {
  VideoInfo info;
  info.time_base = {1, 25};
  info.frames_per_s = 25;
  info.width = 160;
  info.height = 96;
  return info;
}

/// Decode order I P b b | I b b P: the two b after the second I are shown before it, and lean on the first group.
VideoIndex open_groups() {
  const std::vector<PacketFacts> packets{packet(0, 0, true), packet(3, 1), packet(1, 2), packet(2, 3),
                                         packet(6, 4, true), packet(4, 5), packet(5, 6), packet(9, 7)};
  return build_index(info_of_25_a_second(), packets).value();
}

TEST(VideoIndexTest, FramesAreNumberedInTheOrderInWhichTheyAreShown) {
  const VideoIndex index = open_groups();
  ASSERT_EQ(index.frames.size(), 8U);
  const std::vector<std::int64_t> packets{0, 2, 3, 1, 5, 6, 4, 7};
  for (std::size_t i = 0; i < packets.size(); ++i) EXPECT_EQ(index.frames[i].packet, packets[i]) << i;
  ASSERT_EQ(index.groups.size(), 2U);
  EXPECT_EQ(index.groups[1].first_frame, 6);
  EXPECT_EQ(index.groups[1].num_packets, 4);
  EXPECT_EQ(index.groups[1].bytes, 400);
}

TEST(VideoIndexTest, LeadingFramesBeginAGroupEarlier) {
  const VideoIndex index = open_groups();
  for (const std::int64_t frame : {0, 1, 2, 3, 4, 5}) EXPECT_EQ(index.group_of(frame), 0) << frame;
  for (const std::int64_t frame : {6, 7}) EXPECT_EQ(index.group_of(frame), 1) << frame;
}

TEST(VideoIndexTest, SeeksOnlyWhereDecodingOnWouldDecodeMore) {
  std::vector<PacketFacts> packets;
  for (int i = 0; i < 100; ++i) packets.push_back(packet(i, i, i % 20 == 0));
  const VideoIndex index = build_index(info_of_25_a_second(), packets).value();
  EXPECT_TRUE(choose_seek(index, 85, 10, true).seek);
  EXPECT_EQ(choose_seek(index, 85, 10, true).group, 4);
  EXPECT_FALSE(choose_seek(index, 85, 10, false).seek);
  EXPECT_FALSE(choose_seek(index, 85, 80, true).seek) << "the key frame is next";
  EXPECT_FALSE(choose_seek(index, 85, 77, true).seek) << "three packets of 160x96 are sooner decoded than passed";
  EXPECT_TRUE(choose_seek(index, 85, 76, true).seek);
  EXPECT_FALSE(choose_seek(index, 15, 10, true).seek) << "in the group that is being decoded";
  EXPECT_FALSE(choose_seek(index, 5, -1, true).seek) << "the file is at its beginning";
  EXPECT_TRUE(choose_seek(index, 45, -1, true).seek);
  VideoIndex large = index;
  large.info.width = 1920;
  large.info.height = 1080;
  EXPECT_TRUE(choose_seek(large, 85, 79, true).seek) << "a single packet of 1920x1080 is not";
  EXPECT_FALSE(choose_seek(large, 85, 80, true).seek);
}

TEST(VideoIndexTest, HiddenFramesAreNoFrames) {
  const std::vector<PacketFacts> packets{packet(0, 0, true, true), packet(1, 1), packet(2, 2)};
  const VideoIndex index = build_index(info_of_25_a_second(), packets).value();
  ASSERT_EQ(index.frames.size(), 2U);
  EXPECT_EQ(index.frames[0].pts, 1);
  EXPECT_EQ(index.group_of(0), 0);
  EXPECT_EQ(build_index({}, {}).error().code, ErrorCode::kCorrupt);
  const std::vector<PacketFacts> hidden{packet(0, 0, true, true)};
  EXPECT_EQ(build_index({}, hidden).error().code, ErrorCode::kCorrupt);
}

TEST(VideoIndexTest, HalvesOfAFrameAreOne) {
  const std::vector<PacketFacts> packets{packet(0, 0, true), packet(0, 0), packet(1, 1), packet(1, 1)};
  EXPECT_EQ(build_index(info_of_25_a_second(), packets).value().frames.size(), 2U);
}

TEST(VideoIndexTest, TimesAreFromTheFirstFrame) {
  const std::vector<PacketFacts> packets{packet(50, 50, true), packet(51, 51), packet(55, 55)};
  const VideoIndex index = build_index(info_of_25_a_second(), packets).value();
  EXPECT_EQ(index.frame_at(0).value(), 0);
  EXPECT_EQ(index.frame_at(0.039).value(), 0);
  EXPECT_EQ(index.frame_at(0.04).value(), 1);
  EXPECT_EQ(index.frame_at(0.19).value(), 1) << "shown until the next one";
  EXPECT_EQ(index.frame_at(0.2).value(), 2);
  EXPECT_EQ(index.frame_at(0.3).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(index.frame_at(-0.1).error().code, ErrorCode::kNotFound);
}

TEST(VideoIndexTest, StreamsWithoutTimesAreDecodedThrough) {
  std::vector<PacketFacts> packets(10);
  packets[0].key = packets[5].key = true;
  EXPECT_FALSE(every_frame_has_time(packets));
  const VideoIndex index = build_untimed_index(info_of_25_a_second(), 9, packets);
  EXPECT_EQ(index.frames.size(), 9U);
  EXPECT_FALSE(index.seekable);
  EXPECT_FALSE(index.timed);
  EXPECT_FALSE(choose_seek(index, 8, -1, true).seek);
}

TEST(VideoFidelityTest, NamesParseBack) {
  for (const char* name : {"exact", "deblock-reference", "deblock-none", "exact+1/2", "deblock-none+1/4"})
    EXPECT_EQ(to_string(parse_video_fidelity(name).value()), name);
  EXPECT_EQ(parse_video_fidelity("deblock").error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace smol
