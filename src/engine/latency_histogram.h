#pragma once
#include <array>
#include <cstdint>

#include "smol/session.h"

namespace smol {

/// Counts of durations in logarithmic buckets (16 a power of two: 4.4 % wide), 0.06 us to an hour. Not thread-safe.
class LatencyHistogram {
 public:
  void add(double microseconds);
  /// q in [0,1]; the middle of the bucket; 0 when empty.
  [[nodiscard]] double quantile(double q) const;
  [[nodiscard]] StageSummary summary() const;

 private:
  static constexpr int kBucketsPerOctave = 16, kLowestExponent = -4, kNumBuckets = 36 * kBucketsPerOctave;
  std::array<std::int64_t, kNumBuckets> counts_{};
  std::int64_t count_ = 0;
  double total_us_ = 0;
};

}  // namespace smol
