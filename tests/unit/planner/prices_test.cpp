#include "smol/prices.h"

#include <gtest/gtest.h>

namespace smol {
namespace {

constexpr const char* kPrices =
    "format: 1\ncurrency: EUR\ninstances:\n- {name: small, vcpus: 2, price_per_hour: 0.1, watts: 50}\n- {name: large, "
    "vcpus: "
    "8, accelerator: T4, price_per_hour: 0.75}\n";

TEST(PricesTest, AreRead) {
  const Result<Prices> prices = parse_prices(kPrices);
  ASSERT_TRUE(prices.ok()) << prices.error().message;
  EXPECT_EQ(prices->currency, "EUR");
  EXPECT_EQ(prices->find("")->name, "small");
  EXPECT_EQ(prices->find("large")->accelerator, "T4");
  EXPECT_NE(prices->find("huge").error().message.find("small, large"), std::string::npos);
  for (const char* wrong :
       {"format: 1\n", "format: 2\ninstances: [{name: a, vcpus: 1, price_per_hour: 1}]\n",
        "format: 1\ninstances: [{name: a, vcpus: 0, price_per_hour: 1}]\n",
        "format: 1\ninstances: [{name: a, vcpus: 1, price_per_hour: -1}]\n", "format: 1\ninstances: [{name: a, vcpus: 1}]\n",
        "format: 1\ninstances: [{name: a, vcpus: 1, price_per_hour: 1, prize: 2}]\n"}) {
    EXPECT_FALSE(parse_prices(wrong).ok()) << wrong;
  }
}

// The paper's Table 8: g4dn with 4, 8 and 16 vCPUs at 1927, 3756 and 4548 images/s costs 7.58, 5.56 and 7.35 cents a
// million.
TEST(PricesTest, AMillionItemsCostAsInThePaper) {
  struct Row {
    int vcpus;
    double price, items_per_s, cents;
  };
  for (const Row& row : {Row{4, 0.526, 1927, 7.58}, Row{8, 0.752, 3756, 5.56}, Row{16, 1.204, 4548, 7.35}}) {
    Plan plan;
    plan.measured.emplace().throughput = {row.items_per_s, 0, 0};
    const PlanCost cost = cost_of(plan, {"g4dn", row.vcpus, "T4", row.price, 210}, row.vcpus, 1);
    EXPECT_NEAR(100 * cost.price_per_million, row.cents, 0.01);
    EXPECT_FALSE(cost.extrapolated);
    EXPECT_NEAR(cost.kwh_per_million, 0.21 * 1e6 / row.items_per_s / 3600, 1e-12);
  }
}

TEST(PricesTest, MoreCoresSpeedUpTheHostButNotTheDevice) {
  Plan plan;
  plan.predicted = PlanPrediction{};
  plan.predicted->throughput = 500;
  plan.predicted->preprocess = 500;
  plan.predicted->dnn_only = 900;
  const Instance four{"four", 4, "", 1, 0};
  EXPECT_DOUBLE_EQ(cost_of(plan, four, 2, 1).items_per_s, 1000);  // inference shares the cores
  plan.predicted->shares_host_cores = false;
  EXPECT_DOUBLE_EQ(cost_of(plan, four, 2, 1).items_per_s, 900);
  EXPECT_TRUE(cost_of(plan, four, 2, 1).extrapolated);
}

TEST(PricesTest, ADeviceKeepsItsRateAndItsLink) {
  Plan plan;
  plan.predicted = PlanPrediction{};
  plan.predicted->shares_host_cores = false;
  plan.predicted->preprocess = 500;
  plan.predicted->dnn_only = 900;
  plan.predicted->throughput = 400;
  plan.predicted->bottleneck = "link";
  const Instance two{"two", 2, "T4", 1, 0}, four{"four", 4, "T4", 1, 0};
  EXPECT_DOUBLE_EQ(cost_of(plan, four, 2, 1).items_per_s, 400);
  plan.measured.emplace().throughput = {390, 380, 395};
  EXPECT_DOUBLE_EQ(cost_of(plan, two, 2, 1).items_per_s, 390);  // what was measured counts where it was
}

TEST(PricesTest, PlansForADeviceNeedOne) {
  const Instance without{"plain", 4, "", 1, 0}, with{"card", 4, "T4", 1, 0};
  Plan plan;
  EXPECT_TRUE(can_run_on(plan, without));
  plan.predicted = PlanPrediction{};
  EXPECT_TRUE(can_run_on(plan, without));
  plan.predicted->shares_host_cores = false;
  EXPECT_FALSE(can_run_on(plan, without));
  EXPECT_TRUE(can_run_on(plan, with));
}

}  // namespace
}  // namespace smol
