#include "base/statistics.h"

#include <algorithm>
#include <cmath>

namespace smol {
namespace {

std::vector<double> sorted(std::span<const double> samples) {
  std::vector<double> values(samples.begin(), samples.end());
  std::sort(values.begin(), values.end());
  return values;
}

double interpolate(const std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const double position = std::clamp(q, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto low = static_cast<std::size_t>(position);
  const std::size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (position - static_cast<double>(low));
}

// Inverse of the standard normal distribution by bisection on erfc; exact to 1e-12, called a few times a plan.
double normal_quantile(double p) {
  double low = -10, high = 10;
  for (int i = 0; i < 80; ++i) {
    const double middle = (low + high) / 2;
    (0.5 * std::erfc(-middle / std::sqrt(2.0)) < p ? low : high) = middle;
  }
  return (low + high) / 2;
}

}  // namespace

double median(std::span<const double> samples) { return quantile(samples, 0.5); }

double quantile(std::span<const double> samples, double q) { return interpolate(sorted(samples), q); }

double winsorised_mean(std::span<const double> samples, double fraction) {
  if (samples.empty()) return 0;
  std::vector<double> values = sorted(samples);
  const double low = interpolate(values, fraction), high = interpolate(values, 1 - fraction);
  double sum = 0;
  for (double value : values) sum += std::clamp(value, low, high);
  return sum / static_cast<double>(values.size());
}

double median_absolute_deviation(std::span<const double> samples) {
  const double middle = median(samples);
  std::vector<double> deviations;
  deviations.reserve(samples.size());
  for (double value : samples) deviations.push_back(std::abs(value - middle));
  return 1.4826 * median(deviations);
}

std::pair<double, double> wilson_interval(std::int64_t successes, std::int64_t trials, double confidence) {
  if (trials <= 0) return {0, 1};
  const double n = static_cast<double>(trials), p = static_cast<double>(successes) / n;
  const double z = normal_quantile(0.5 + confidence / 2), z2 = z * z;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = z / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

PairedDifference paired_difference(std::int64_t only_first, std::int64_t only_second, std::int64_t trials,
                                   double confidence) {
  if (trials <= 0) return {};
  const double n = static_cast<double>(trials) + 2;
  const double b = static_cast<double>(only_first) + 0.5, c = static_cast<double>(only_second) + 0.5;
  const double centre = (b - c) / n;
  const double half = normal_quantile(0.5 + confidence / 2) * std::sqrt(std::max(0.0, b + c - (b - c) * (b - c) / n)) / n;
  const double value = static_cast<double>(only_first - only_second) / static_cast<double>(trials);
  return {value, std::max(-1.0, std::min(value, centre - half)), std::min(1.0, std::max(value, centre + half))};
}

double sign_test(std::int64_t only_first, std::int64_t only_second) {
  const double n = static_cast<double>(only_first + only_second);
  if (n == 0) return 1;
  // Sum of binomial terms through logarithms: n may be large.
  double sum = 0;
  for (std::int64_t k = 0; k <= only_first; ++k) {
    const double x = static_cast<double>(k);
    sum += std::exp(std::lgamma(n + 1) - std::lgamma(x + 1) - std::lgamma(n - x + 1) - n * std::log(2.0));
  }
  return std::min(1.0, sum);
}

}  // namespace smol
