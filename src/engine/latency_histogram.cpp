#include "engine/latency_histogram.h"

#include <algorithm>
#include <cmath>

namespace smol {

void LatencyHistogram::add(double microseconds) {
  const double octave = microseconds > 0 ? std::log2(microseconds) - kLowestExponent : 0;
  ++counts_[std::clamp(static_cast<int>(octave * kBucketsPerOctave), 0, kNumBuckets - 1)];
  ++count_;
  total_us_ += microseconds;
}

double LatencyHistogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = static_cast<std::int64_t>(std::ceil(q * static_cast<double>(count_)));
  std::int64_t seen = 0;
  for (int bucket = 0; bucket < kNumBuckets; ++bucket) {
    seen += counts_[bucket];
    if (seen >= std::max<std::int64_t>(rank, 1)) {
      return std::exp2((bucket + 0.5) / kBucketsPerOctave + kLowestExponent);
    }
  }
  return 0;
}

StageSummary LatencyHistogram::summary() const { return {count_, total_us_, quantile(0.5), quantile(0.95), quantile(0.99)}; }

}  // namespace smol
