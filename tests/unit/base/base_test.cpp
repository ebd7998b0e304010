#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <random>
#include <thread>

#include "base/digest.h"
#include "base/statistics.h"
#include "base/thread_budget.h"
#include "smol/result.h"

namespace smol {
namespace {

TEST(ResultTest, EveryCodeHasTextOfItsOwn) {
  std::vector<std::string_view> names;
  for (int code = 0; code < kNumErrorCodes; ++code) {
    const auto value = static_cast<ErrorCode>(code);
    EXPECT_FALSE(name_of(value).empty());
    EXPECT_EQ(describe(value).back(), '.');
    for (std::string_view other : names) EXPECT_NE(other, name_of(value));
    names.push_back(name_of(value));
  }
  for (int stage = 0; stage < kNumStages; ++stage) EXPECT_FALSE(name_of(static_cast<Stage>(stage)).empty());
  EXPECT_EQ(exit_code_of(ErrorCode::kInvalidArgument), 2);
  EXPECT_EQ(exit_code_of(ErrorCode::kCorrupt), 1);
}

Result<int> half(int value) {
  if (value % 2 != 0) return Error{ErrorCode::kInvalidArgument, "must be even: " + std::to_string(value)};
  return value / 2;
}

Result<int> quarter(int value) {
  SMOL_ASSIGN_OR_RETURN(const int once, half(value));
  SMOL_ASSIGN_OR_RETURN(const int twice, half(once));
  return twice;
}

TEST(ResultTest, ErrorsTravelAndValueThrows) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "must be even: 3");
  EXPECT_THROW(static_cast<void>(quarter(6).value()), Exception);
  EXPECT_EQ(quarter(6).value_or(-1), -1);
  EXPECT_TRUE(Status().ok());
}

TEST(StatisticsTest, AgreeWithDefinitions) {
  const std::vector<double> samples{5, 1, 4, 2, 3};
  EXPECT_EQ(median(samples), 3);
  EXPECT_EQ(quantile(samples, 0), 1);
  EXPECT_EQ(quantile(samples, 1), 5);
  EXPECT_DOUBLE_EQ(quantile(samples, 0.625), 3.5);
  EXPECT_EQ(median({}), 0);
  EXPECT_NEAR(median_absolute_deviation(samples), 1.4826, 1e-9);
  const std::vector<double> with_outlier{1, 1, 1, 1, 1, 1, 1, 1, 1, 1000};
  EXPECT_LT(winsorised_mean(with_outlier), 20);
}

TEST(StatisticsTest, WilsonIntervalMatchesPublishedValues) {
  // Newcombe 1998, table I: 81 of 263 and 15 of 148 at 95 %.
  const auto [low, high] = wilson_interval(81, 263);
  EXPECT_NEAR(low, 0.2553, 5e-5);
  EXPECT_NEAR(high, 0.3662, 5e-5);
  const auto [low2, high2] = wilson_interval(15, 148);
  EXPECT_NEAR(low2, 0.0624, 5e-5);
  EXPECT_NEAR(high2, 0.1605, 5e-5);
  EXPECT_EQ(wilson_interval(0, 0), (std::pair<double, double>(0, 1)));
}

TEST(StatisticsTest, WilsonIntervalCovers) {
  std::mt19937 generator(7);
  int covered = 0;
  constexpr int kTrials = 4000;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::binomial_distribution<int> draw(60, 0.8);
    const auto [low, high] = wilson_interval(draw(generator), 60);
    covered += low <= 0.8 && 0.8 <= high ? 1 : 0;
  }
  EXPECT_GT(covered, kTrials * 0.93);
}

TEST(DigestTest, NamesContent) {
  EXPECT_EQ(digest_of(std::string_view("")), "xxh3:2d06800538d394c2");  // XXH3_64bits of nothing, from its specification
  EXPECT_NE(digest_of(std::string_view("a")), digest_of(std::string_view("b")));
  EXPECT_EQ(digest_of_file("/nonexistent").error().code, ErrorCode::kNotFound);
}

TEST(ThreadBudgetTest, IsPositive) { EXPECT_GE(available_cores(), 1); }

}  // namespace
// What sched_getattr(2) says of the calling thread's time slice, nanoseconds; 0 before Linux 6.12.
std::uint64_t slice_of_this_thread() {
  std::array<std::uint64_t, 6> attributes{};  // the fourth word: sched_runtime
  syscall(SYS_sched_getattr, 0, attributes.data(), sizeof(attributes), 0);
  return attributes[3];
}

TEST(LongTimeSlices, AreInheritedByThreadsAndGivenBack) {
  const std::uint64_t before = slice_of_this_thread();
  std::uint64_t within = 0, inherited = 0;
  {
    const LongTimeSlices slices;
    within = slice_of_this_thread();
    std::jthread([&] { inherited = slice_of_this_thread(); }).join();
  }
  EXPECT_EQ(slice_of_this_thread(), before);
  EXPECT_EQ(inherited, within);
  if (before == 0) {
    EXPECT_EQ(within, 0U);
  } else {
    EXPECT_EQ(within, 20'000'000U);
  }
}

}  // namespace smol
