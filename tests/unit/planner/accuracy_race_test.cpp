#include "planner/accuracy_race.h"

#include <gtest/gtest.h>

#include <random>

namespace smol {
namespace {

TEST(AccuracyRaceTest, DropsASlowerOneThatIsSurelyLessAccurate) {
  AccuracyRace race({200, 100}, 64, 1);
  for (std::size_t item = 0; item < 64; ++item) {
    race.record(0, item, true);
    race.record(1, item, item % 2 == 0);
  }
  EXPECT_EQ(race.drop_losers({}), 1);
  EXPECT_TRUE(race.alive(0));
  EXPECT_FALSE(race.alive(1));
  EXPECT_EQ(race.num_alive(), 1U);
}

TEST(AccuracyRaceTest, KeepsASlowerOneThatIsMoreAccurateAndAFasterOneThatIsLess) {
  AccuracyRace race({200, 100}, 64, 1);
  for (std::size_t item = 0; item < 64; ++item) {
    race.record(0, item, item % 2 == 0);
    race.record(1, item, true);
  }
  EXPECT_EQ(race.drop_losers({}), 0);
}

TEST(AccuracyRaceTest, DropsNothingThatTheItemsDoNotDecide) {
  AccuracyRace race({200, 100}, 64, 1);
  for (std::size_t item = 0; item < 64; ++item) {
    race.record(0, item, item != 3);
    race.record(1, item, item % 16 != 0);  // 4 wrong against 1
  }
  EXPECT_EQ(race.drop_losers({}), 0);
}

TEST(AccuracyRaceTest, DropsWhatIsSurelyBelowTheWantedAccuracyButNotTheProtected) {
  AccuracyRace race({200, 100}, 64, 1);
  race.protect(1);
  for (std::size_t item = 0; item < 64; ++item) {
    race.record(0, item, item % 2 == 0);
    race.record(1, item, item % 2 == 0);
  }
  EXPECT_EQ(race.drop_losers(0.9), 1);
  EXPECT_FALSE(race.alive(0));
  EXPECT_TRUE(race.alive(1));
}

// All contestants are equally good: whoever is dropped is dropped wrongly. At most 5 % of the races may do that.
TEST(AccuracyRaceTest, RarelyDropsAnEqual) {
  std::mt19937 random(7);
  std::bernoulli_distribution right(0.8);
  int races_with_a_loss = 0;
  constexpr int kRaces = 400;
  for (int i = 0; i < kRaces; ++i) {
    AccuracyRace race({400, 300, 200, 100}, 256, 4);
    int dropped = 0;
    for (std::size_t begin = 0, end = 32; begin < 256; begin = end, end *= 2) {
      for (std::size_t item = begin; item < end; ++item) {
        for (std::size_t contestant = 0; contestant < 4; ++contestant) race.record(contestant, item, right(random));
      }
      dropped += race.drop_losers({});
    }
    races_with_a_loss += dropped > 0 ? 1 : 0;
  }
  EXPECT_LE(races_with_a_loss, kRaces * 0.07);
}

TEST(AccuracyRaceTest, ComparesOnTheItemsThatBothAnswered) {
  AccuracyRace race({2, 1}, 10, 1);
  for (std::size_t item = 0; item < 10; ++item) race.record(0, item, item < 8);
  for (std::size_t item = 4; item < 10; ++item) race.record(1, item, true);
  EXPECT_EQ(race.num_answered(1), 6);
  EXPECT_DOUBLE_EQ(race.accuracy(0)->value, 0.8);
  EXPECT_DOUBLE_EQ(race.difference(1, 0).value, 2.0 / 6);
  EXPECT_EQ(AccuracyRace({1}, 5, 1).accuracy(0), std::nullopt);
}

// Agresti and Min (2005) by simulation: the interval covers the true difference about as often as it says.
TEST(PairedDifferenceTest, CoversTheTruth) {
  std::mt19937 random(11);
  std::uniform_real_distribution<double> uniform(0, 1);
  constexpr int kTrials = 2000, kItems = 150;
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    int only_first = 0, only_second = 0;
    for (int item = 0; item < kItems; ++item) {
      const double u = uniform(random);
      only_first += u < 0.08 ? 1 : 0;
      only_second += u >= 0.08 && u < 0.13 ? 1 : 0;
    }
    const PairedDifference difference = paired_difference(only_first, only_second, kItems);
    covered += difference.low <= 0.03 && 0.03 <= difference.high ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(covered) / kTrials, 0.95, 0.02);
}

TEST(SignTestTest, IsTheBinomialTail) {
  EXPECT_DOUBLE_EQ(sign_test(0, 0), 1);
  EXPECT_NEAR(sign_test(0, 5), 1.0 / 32, 1e-12);
  EXPECT_NEAR(sign_test(1, 4), 6.0 / 32, 1e-12);
  EXPECT_NEAR(sign_test(5, 5), 638.0 / 1024, 1e-12);
  EXPECT_LT(sign_test(400, 600), 1e-9);
}

}  // namespace
}  // namespace smol
