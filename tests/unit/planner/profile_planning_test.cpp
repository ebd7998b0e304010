#include <gtest/gtest.h>

#include <algorithm>

#include "smol/session.h"

namespace smol {
namespace {

Profile paper_machine() {
  return load_profile(std::string(SMOL_TESTS_DIR) + "/../examples/paper_machine/profile.yaml").value();
}

const Plan& plan_named(const PlanSet& plans, const std::string& id) {
  const Result<const Plan*> found = plans.find(id);
  if (!found.ok()) throw std::runtime_error(found.error().message);
  return **found;
}

// Section 5.2: ResNet-50 on thumbnails (75.00 %, 1,995/s) rather than ResNet-34 on full pictures (72.72 %, 527/s).
TEST(ProfilePlanningTest, PrefersALargerModelOnThumbnailsAsThePaperDoes) {
  PlanOptions options;
  options.min_accuracy = 0.7272;
  const Result<PlanSet> plans = plan(paper_machine(), options);
  ASSERT_TRUE(plans.ok()) << plans.error().message;
  EXPECT_EQ(plans->chosen, "resnet50-lowres/161-png/exact");
  EXPECT_DOUBLE_EQ(plan_named(*plans, "").throughput(), 1995);
  EXPECT_DOUBLE_EQ(plan_named(*plans, "resnet34/full/exact").throughput(), 527);
  const std::vector<std::string> sentences = findings(*plans);
  EXPECT_TRUE(std::any_of(sentences.begin(), sentences.end(), [](const std::string& sentence) {
    return sentence.find("dominates a smaller model on full: resnet34/full/exact") != std::string::npos;
  }));
  EXPECT_TRUE(std::any_of(sentences.begin(), sentences.end(), [](const std::string& sentence) {
    return sentence.find("On full") == 0 && sentence.find("most accurate is resnet50 (75.2") != std::string::npos;
  }));
}

TEST(ProfilePlanningTest, RefusesAThroughputAbovePreprocessingWithItsCeiling) {
  PlanOptions options;
  options.min_throughput = 6500;  // ResNet-18 alone would do it
  const Result<PlanSet> plans = plan(paper_machine(), options);
  ASSERT_TRUE(plans.ok());
  EXPECT_FALSE(plans->decision.met);
  EXPECT_NE(plans->decision.reason.find("preprocessing alone reaches 5900.0"), std::string::npos);
  EXPECT_FALSE(plans->find("").ok());  // nothing to run by default
  options.min_throughput = 1000;       // the most accurate that is fast enough
  EXPECT_EQ(plan(paper_machine(), options)->chosen, "resnet50-lowres/161-png/exact");
}

TEST(ProfilePlanningTest, PlansPrintAndParseBackThoughTheyCannotRun) {
  const PlanSet plans = plan(paper_machine(), {}).value();
  const Result<PlanSet> parsed = parse_plans(to_yaml(plans));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(*parsed, plans);
  EXPECT_FALSE(compile(Runtime{}, parsed->plans.front()).ok());
}

TEST(ProfilePlanningTest, CoresThatAreSharedLowerTheRates) {
  Profile profile = paper_machine();
  profile.shares_host_cores = true;
  profile.overlap_exponents = {1};
  const PlanSet plans = plan(profile, {}).value();
  EXPECT_NEAR(plan_named(plans, "resnet50/full/exact").throughput(), 1 / (1.0 / 527 + 1.0 / 4513), 1e-9);
}

TEST(ProfilePlanningTest, RefusesAProfileWithoutPlans) {
  Profile profile = paper_machine();
  profile.inference.clear();
  EXPECT_FALSE(plan(profile, {}).ok());
}

}  // namespace
}  // namespace smol
