#pragma once
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace smol {

/// Robust statistics over measurement samples. Empty input gives 0.
[[nodiscard]] double median(std::span<const double> samples);
/// Linear interpolation between order statistics; q in [0,1].
[[nodiscard]] double quantile(std::span<const double> samples, double q);
/// Mean after clamping the lowest and highest `fraction` to their neighbours: lucky and unlucky shots weigh little.
[[nodiscard]] double winsorised_mean(std::span<const double> samples, double fraction = 0.1);
/// Median absolute deviation from the median, scaled by 1.4826 to estimate a standard deviation.
[[nodiscard]] double median_absolute_deviation(std::span<const double> samples);

/// Wilson score interval of a proportion at the two-sided `confidence` (0.95). {0,1} when trials is 0.
[[nodiscard]] std::pair<double, double> wilson_interval(std::int64_t successes, std::int64_t trials,
                                                        double confidence = 0.95);

/// A difference of two proportions with its two-sided interval.
struct PairedDifference {
  double value = 0, low = -1, high = 1;
};
/// Share of `first` minus share of `second` of the same `trials`, of which `only_first` succeeded for the first alone and
/// `only_second` for the second alone: Agresti and Min's adjusted Wald interval of paired proportions. {0,-1,1} without
/// trials.
[[nodiscard]] PairedDifference paired_difference(std::int64_t only_first, std::int64_t only_second, std::int64_t trials,
                                                 double confidence = 0.95);
/// Exact one-sided sign test (McNemar): the probability of at most `only_first` of the discordant trials favouring the first
/// if both were equally good. 1 without discordant trials.
[[nodiscard]] double sign_test(std::int64_t only_first, std::int64_t only_second);

}  // namespace smol
