#include "planner/frontier.h"

#include <gtest/gtest.h>

#include <random>

namespace smol {
namespace {

Plan measured_plan(const std::string& id, double throughput, double accuracy) {
  Plan plan;
  plan.id = id;
  plan.measured = PlanMeasurement{};
  plan.measured->throughput.value = throughput;
  plan.measured->accuracy = Estimate{accuracy, accuracy, accuracy};
  return plan;
}

bool dominates(const Plan& a, const Plan& b) {
  const double ta = a.measured->throughput.value, tb = b.measured->throughput.value;
  const double aa = a.measured->accuracy->value, ab = b.measured->accuracy->value;
  return ta >= tb && aa >= ab && (ta > tb || aa > ab);
}

TEST(FrontierTest, EqualsBruteForce) {
  std::mt19937 generator(3);
  std::uniform_int_distribution<int> value(1, 12);
  for (int trial = 0; trial < 500; ++trial) {
    std::vector<Plan> plans;
    for (int i = 0; i < 1 + trial % 15; ++i) {
      plans.push_back(measured_plan(std::to_string(i), value(generator), value(generator) / 12.0));
    }
    const FrontierSplit split = split_frontier(plans, "full");
    EXPECT_EQ(split.frontier.size() + split.dominated.size(), plans.size());
    for (const Plan& kept : split.frontier) {
      for (const Plan& plan : plans) EXPECT_FALSE(dominates(plan, kept));
    }
    for (const Plan& dropped : split.dominated) {
      bool justified = false;
      for (const Plan& kept : split.frontier) {
        const bool equal = kept.measured->throughput.value == dropped.measured->throughput.value &&
                           kept.measured->accuracy->value == dropped.measured->accuracy->value;
        justified |= dominates(kept, dropped) || equal;
      }
      EXPECT_TRUE(justified);
    }
  }
}

TEST(FrontierTest, WithoutAnAccuracyOnlyPlansThatCannotChangeAnswersCompete) {
  const auto make = [](const std::string& id, double throughput) {
    Plan plan = measured_plan(id, throughput, 0);
    plan.measured->accuracy.reset();
    return plan;
  };
  std::vector<Plan> plans{make("exact", 100), make("slower", 90), make("as stored", 80),
                          make("bf16", 200),  make("lossy", 300), make("thumb", 400)};
  plans[2].precision = Precision::kAsStored;
  plans[3].precision = Precision::kBF16;
  plans[4].pipeline.label = FidelityLabel::kLossy;
  plans[5].rendition = "thumb";
  const FrontierSplit split = split_frontier(plans, "full");
  ASSERT_EQ(split.frontier.size(), 1U);
  EXPECT_EQ(split.frontier.front().id, "exact");
  EXPECT_EQ(split.dominated.size(), 5U);
  EXPECT_TRUE(split_frontier({plans[3], plans[4], plans[5]}, "full").frontier.empty());
}

}  // namespace
}  // namespace smol
