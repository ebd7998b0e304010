#include "planner/selection.h"

#include <gtest/gtest.h>

#include "base/statistics.h"

namespace smol {
namespace {

Plan make_plan(const std::string& id, double throughput, double accuracy, double half_width) {
  Plan plan;
  plan.id = id;
  plan.measured.emplace().throughput = {throughput, throughput, throughput};
  plan.measured->accuracy = Estimate{accuracy, accuracy - half_width, accuracy + half_width};
  plan.measured->num_items = 100;
  return plan;
}

const std::vector<Plan> kPlans{make_plan("slow", 100, 0.9, 0.02), make_plan("fast", 900, 0.7, 0.02),
                               make_plan("middle", 500, 0.8, 0.02)};

PlanOptions wanting(std::optional<double> accuracy, std::optional<double> throughput = {}) {
  PlanOptions options;
  options.min_accuracy = accuracy;
  options.min_throughput = throughput;
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(SelectionTest, TakesTheFastestOfWhichTheDataSaySo) {
  EXPECT_EQ(select(kPlans, {}, {}).chosen, "fast");
  EXPECT_EQ(select(kPlans, wanting(0.675), {}).chosen, "fast");
  // 0.7 is its estimate, but its interval begins below.
  EXPECT_EQ(select(kPlans, wanting(0.69), {}).chosen, "middle");
  EXPECT_EQ(select(kPlans, wanting(0.79), {}).chosen, "slow");
  EXPECT_EQ(select(kPlans, wanting({}, 400), {}).chosen, "middle");
  EXPECT_EQ(select(kPlans, wanting({}, 50), {}).chosen, "slow");
  EXPECT_EQ(select(kPlans, wanting(0.69, 450), {}).chosen, "middle");
}

TEST(SelectionTest, SaysUndecidedAndHowManyLabelsWouldDecide) {
  const Selection selection = select(kPlans, wanting(0.89), {});
  EXPECT_FALSE(selection.decision.met);
  EXPECT_EQ(selection.chosen, "");
  EXPECT_TRUE(contains(selection.decision.reason, "undecided, needs about")) << selection.decision.reason;
  EXPECT_TRUE(contains(selection.decision.reason, "labels"));
  SelectionFacts agreement;
  agreement.agreement = true;
  EXPECT_TRUE(contains(select(kPlans, wanting(0.89), agreement).decision.reason, "items to calibrate on"));
  // The estimate is below what is wanted: no number of labels is promised.
  const std::string below = select(kPlans, wanting(0.91), {}).decision.reason;
  EXPECT_TRUE(contains(below, "undecided") && !contains(below, "about")) << below;
}

TEST(SelectionTest, RefusesWhatCannotBeWithTheNearestThatCan) {
  const std::string accuracy = select(kPlans, wanting(0.95), {}).decision.reason;
  EXPECT_TRUE(contains(accuracy, "no plan reaches accuracy 0.95") && contains(accuracy, "slow")) << accuracy;
  EXPECT_TRUE(contains(accuracy, "0.880")) << accuracy;  // what the data support
  SelectionFacts facts;
  facts.ceiling_per_s = 950;
  facts.ceiling_name = "thumbs, exact";
  const std::string throughput = select(kPlans, wanting({}, 1000), facts).decision.reason;
  EXPECT_TRUE(contains(throughput, "preprocessing alone reaches 950.0") && contains(throughput, "thumbs, exact"))
      << throughput;
  EXPECT_TRUE(contains(throughput, "900.0 items/s: fast")) << throughput;
  // Preprocessing could: then it is not blamed.
  EXPECT_FALSE(contains(select(kPlans, wanting({}, 940), facts).decision.reason, "preprocessing alone"));
  EXPECT_FALSE(select(kPlans, wanting(0.85, 400), {}).decision.met);
  EXPECT_FALSE(select({}, {}, {}).decision.met);
}

TEST(SelectionTest, KeepsToLatencyAndCost) {
  std::vector<Plan> plans = kPlans;
  for (Plan& plan : plans) plan.predicted = PlanPrediction{};
  plans[0].measured->latency_us = 30'000;
  plans[1].measured->latency_us = 4'000;
  plans[2].predicted->latency_us = 9'000;  // not measured: the prediction counts
  PlanOptions options;
  options.max_latency_ms = 10;
  EXPECT_EQ(select(plans, options, {}).chosen, "middle");
  options.max_latency_ms = 3;
  EXPECT_TRUE(contains(select(plans, options, {}).decision.reason, "4.00 ms: fast"));
  options = {};
  options.instance = Instance{"small", 2, "", 0.36, 100};
  options.max_cost = 0.25;  // 0.36 an hour: 500/s cost 0.2 a million, 100/s cost 1
  SelectionFacts facts;
  facts.cores = 2;
  EXPECT_EQ(select(plans, options, facts).chosen, "middle");
  options.max_cost = 0.01;
  EXPECT_TRUE(contains(select(plans, options, facts).decision.reason, "cheapest costs 0.1111: fast"));
  plans[1].predicted->shares_host_cores = false;  // needs a device that the instance has not
  EXPECT_TRUE(contains(select(plans, options, facts).decision.reason, "cheapest costs 0.2: middle"));
  for (Plan& plan : plans) plan.predicted->shares_host_cores = false;
  EXPECT_TRUE(contains(select(plans, options, facts).decision.reason, "needs an accelerator"));
}

TEST(SelectionTest, LabelsNeededBringTheLowerEndThere) {
  for (const auto& [estimate, wanted] : {std::pair{0.9, 0.88}, {0.75, 0.7}, {0.99, 0.9}}) {
    const std::int64_t n = labels_needed(estimate, wanted);
    const auto right = [&](std::int64_t labels) {
      return static_cast<std::int64_t>(estimate * static_cast<double>(labels));
    };
    EXPECT_GE(wilson_interval(right(n), n).first, wanted - 0.001);
    EXPECT_LT(wilson_interval(right(n * 9 / 10), n * 9 / 10).first, wanted);
  }
  EXPECT_EQ(labels_needed(0.8, 0.8), 0);
}

}  // namespace
}  // namespace smol
