#include "planner/cost_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace smol {
namespace {

PlanRates separate(double preprocess, double infer) { return {{{infer, preprocess, 0, 1}}, false}; }

// The printed rates of the paper's Table 3; its estimates, and the measured throughputs behind its errors.
TEST(CostModelTest, GivesTheEstimatesOfThePaper) {
  struct Row {
    double preprocess, infer, ours, dnn_only, sum;
  };
  for (const Row& row :
       {Row{4001, 4999, 4001, 4999, 2222}, Row{534, 4999, 534, 4999, 482}, Row{5876, 1844, 1844, 1844, 1403}}) {
    const PlanPrediction predicted = predict(separate(row.preprocess, row.infer), kDefaultExponent);
    EXPECT_DOUBLE_EQ(predicted.throughput, row.ours);
    EXPECT_DOUBLE_EQ(predicted.minimum, row.ours);
    EXPECT_DOUBLE_EQ(predicted.dnn_only, row.dnn_only);
    EXPECT_NEAR(predicted.sum, row.sum, 1.0);
  }
}

TEST(CostModelTest, NamesTheBottleneck) {
  EXPECT_EQ(predict(separate(500, 900), 1).bottleneck, "host cores");
  EXPECT_EQ(predict(separate(900, 500), 1).bottleneck, "device");
  PlanRates rates = separate(900, 800);
  rates.stages.front().transfer_per_s = 700;
  EXPECT_EQ(predict(rates, 1).bottleneck, "link");
  EXPECT_DOUBLE_EQ(predict(rates, 1).throughput, 700);
  rates.shares_host_cores = true;
  EXPECT_EQ(predict(rates, 1).bottleneck, "host cores: inference");
}

// A cascade by hand: 1,000 items, 300 reach the second model, 30 the third.
TEST(CostModelTest, WeighsTheStagesOfACascadeByWhatReachesThem) {
  PlanRates rates;
  rates.shares_host_cores = false;
  rates.stages = {{1000, 2000, 0, 0.3}, {100, 0, 0, 0.1}, {10, 500, 0, 1}};
  const double infer_s = 1.0 / 1000 + 0.3 / 100 + 0.03 / 10;
  const double preprocess_s = 1.0 / 2000 + 0.03 / 500;
  const PlanPrediction predicted = predict(rates, 1);
  EXPECT_NEAR(predicted.dnn_only, 1 / infer_s, 1e-9);
  EXPECT_NEAR(predicted.sum, 1 / (infer_s + preprocess_s), 1e-9);
  EXPECT_NEAR(predicted.minimum, 1 / infer_s, 1e-9);
  EXPECT_NEAR(predicted.preprocess, 1 / preprocess_s, 1e-9);
}

TEST(CostModelTest, OverlapLiesBetweenSumAndMinimum) {
  const std::vector<double> rates{957, 528};
  EXPECT_NEAR(combine(rates, 1), 1 / (1.0 / 957 + 1.0 / 528), 1e-9);
  EXPECT_DOUBLE_EQ(combine(rates, HUGE_VAL), 528);
  EXPECT_NEAR(combine(rates, 16), 528, 1);
  EXPECT_NEAR(combine(rates, 1.3), 395, 8);  // measured on two cores: preprocessing 957/s, inference 528/s, together 395/s
  double before = 0;
  for (const double p : {0.5, 0.8, 1.0, 1.3, 2.0, 8.0}) {
    EXPECT_GT(combine(rates, p), before);
    before = combine(rates, p);
  }
}

TEST(CostModelTest, FindsTheExponentThatExplainsAMeasurement) {
  for (const double p : {0.7, 1.0, 1.3, 3.0}) {
    const std::vector<double> rates{957, 528};
    EXPECT_NEAR(overlap_exponent(957, 528, combine(rates, p)), p, 1e-6);
  }
  EXPECT_EQ(overlap_exponent(957, 528, 10), kLeastExponent);
  EXPECT_EQ(overlap_exponent(957, 528, 600), kGreatestExponent);
}

TEST(CostModelTest, ScoresPlansThatWereRunAndDidNotCalibrateIt) {
  std::vector<Plan> plans(3);
  for (Plan& plan : plans) {
    plan.predicted = PlanPrediction{};
    plan.predicted->throughput = 110;
    plan.predicted->minimum = 150;
    plan.predicted->sum = 90;
    plan.predicted->dnn_only = 300;
    plan.measured.emplace().throughput = {100, 99, 101};
  }
  plans[1].predicted->throughput = 80;
  plans[2].predicted->throughput = 1000;
  plans[2].measured->held_for_calibration = true;
  plans.emplace_back();  // never run
  const CostModelErrors errors = cost_model_errors(plans);
  EXPECT_EQ(errors.num_plans, 2);
  EXPECT_NEAR(errors.ours.mean, 0.15, 1e-9);
  EXPECT_NEAR(errors.ours.worst, 0.2, 1e-9);
  EXPECT_NEAR(errors.minimum.mean, 0.5, 1e-9);
  EXPECT_NEAR(errors.sum.mean, 0.1, 1e-9);
  EXPECT_NEAR(errors.dnn_only.worst, 2.0, 1e-9);
}

}  // namespace
}  // namespace smol
