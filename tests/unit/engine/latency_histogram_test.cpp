#include "engine/latency_histogram.h"

#include <gtest/gtest.h>

#include <random>

#include "base/statistics.h"

namespace smol {
namespace {

TEST(LatencyHistogramTest, QuantilesAreWithinABucket) {
  std::mt19937 generator(1);
  std::lognormal_distribution<double> draw(5, 2);
  LatencyHistogram histogram;
  std::vector<double> samples;
  double total = 0;
  for (int i = 0; i < 20000; ++i) {
    samples.push_back(draw(generator));
    histogram.add(samples.back());
    total += samples.back();
  }
  for (double q : {0.05, 0.5, 0.95, 0.99}) EXPECT_NEAR(histogram.quantile(q) / quantile(samples, q), 1.0, 0.05);
  EXPECT_EQ(histogram.summary().count, 20000);
  EXPECT_DOUBLE_EQ(histogram.summary().total_us, total);
}

TEST(LatencyHistogramTest, TakesAnyNumber) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5), 0);
  for (double value : {0.0, -1.0, 1e-9, 1e15}) histogram.add(value);
  EXPECT_EQ(histogram.summary().count, 4);
}

}  // namespace
}  // namespace smol
