#include <gtest/gtest.h>

#include "smol/profile.h"

namespace smol {
namespace {

Profile example_profile() {
  Profile profile;
  profile.machine = "a machine: with a colon, 2 cores";
  profile.smol_version = "0.1.0";
  profile.date = "2026-01-02T03:04:05Z";
  profile.source = "measured";
  profile.dataset = "d.yaml";
  profile.reference_rendition = "large";
  profile.cores = 2;
  profile.shares_host_cores = false;
  profile.simulated = true;
  profile.overlap_exponents = {1.05, 0.99};
  profile.preprocess = {
      {"large", "scale4", "net", "decode(scale=1/4)\nlabel lossy\n", {100.5, 101.25}, 9000.5, 150528, 17, 0.5},
      {"small", "exact", "", "", {700}, 0, 0, {}, {}}};
  profile.inference = {
      {"net", "xxh3:01", "openvino", Precision::kBF16, "convert(f32)\n", 8, true, {300.5, 310}, 25000, 12.5, 3000}};
  profile.accuracy = {{"net", "large", "scale4", Precision::kBF16, {0.9, 0.85, 0.94}, true, 60}};
  profile.breakdown = {{"large", "net", 10, 1200.5, 300, 20, 15, 900, 3300, 5}};
  return profile;
}

TEST(ProfileTextTest, ParsesBackToTheSameProfile) {
  const Profile profile = example_profile();
  const Result<Profile> parsed = parse_profile(to_yaml(profile));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message << "\n" << to_yaml(profile);
  EXPECT_EQ(*parsed, profile);
  EXPECT_EQ(to_yaml(*parsed), to_yaml(profile));
}

TEST(ProfileTextTest, RefusesWhatItDoesNotKnowOrCannotBe) {
  const std::string text = to_yaml(example_profile());
  const auto refuse = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    const Result<Profile> parsed = parse_profile(changed);
    EXPECT_FALSE(parsed.ok()) << to;
    return parsed.ok() ? std::string() : parsed.error().message;
  };
  EXPECT_NE(refuse("machine:", "machin:").find("machin"), std::string::npos);
  EXPECT_NE(refuse("[100.5, 101.25]", "[100.5, 0]").find("positive"), std::string::npos);
  EXPECT_NE(refuse("[300.5, 310]", "[]").find("positive"), std::string::npos);
  EXPECT_NE(refuse("batch: 8", "batch: 0").find("batch"), std::string::npos);
  EXPECT_NE(refuse("[0.9, 0.85, 0.94]", "[0.9, 0.95, 0.94]").find("accuracy"), std::string::npos);
  EXPECT_NE(refuse("[0.9, 0.85, 0.94]", "[75.0]").find("0..1"), std::string::npos);
  EXPECT_NE(refuse("format: 1", "format: 2").find("format 2"), std::string::npos);
  EXPECT_NE(refuse("bf16", "bf17").find("bf17"), std::string::npos);
}

TEST(ProfileTextTest, AnAccuracyWithoutAnIntervalIsTakenAsExact) {
  const Result<Profile> parsed = parse_profile("format: 1\naccuracy: [{model: net, rendition: full, accuracy: [0.75]}]\n");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(parsed->accuracy.front().value, (Estimate{0.75, 0.75, 0.75}));
}

}  // namespace
}  // namespace smol
