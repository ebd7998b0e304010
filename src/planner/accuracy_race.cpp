#include "planner/accuracy_race.h"

#include <algorithm>

namespace smol {
namespace {

constexpr double kError = 0.05;

}  // namespace

AccuracyRace::AccuracyRace(std::vector<double> throughputs, std::size_t num_items, int num_rounds)
    : throughputs_(std::move(throughputs)),
      marks_(throughputs_.size(), std::vector<std::int8_t>(num_items, kUnknown)),
      alive_(throughputs_.size(), true),
      protected_(throughputs_.size(), false),
      error_per_comparison_(kError / static_cast<double>(std::max(1, num_rounds)) /
                            static_cast<double>(std::max<std::size_t>(1, throughputs_.size()))) {}

void AccuracyRace::record(std::size_t contestant, std::size_t item, bool right) {
  marks_[contestant][item] = right ? kRight : kWrong;
}

AccuracyRace::Discordant AccuracyRace::compare(std::size_t first, std::size_t second) const {
  Discordant result;
  for (std::size_t item = 0; item < marks_[first].size(); ++item) {
    const std::int8_t a = marks_[first][item], b = marks_[second][item];
    if (a == kUnknown || b == kUnknown) continue;
    ++result.both;
    if (a == kRight && b == kWrong) ++result.only_first;
    if (a == kWrong && b == kRight) ++result.only_second;
  }
  return result;
}

int AccuracyRace::drop_losers(std::optional<double> min_accuracy) {
  std::vector<std::size_t> losers;
  for (std::size_t slow = 0; slow < throughputs_.size(); ++slow) {
    if (!alive_[slow] || protected_[slow]) continue;
    bool lost = false;
    if (min_accuracy && num_answered(slow) > 0) {
      std::int64_t right = std::count(marks_[slow].begin(), marks_[slow].end(), kRight);
      lost = wilson_interval(right, num_answered(slow), 1 - 2 * error_per_comparison_).second < *min_accuracy;
    }
    for (std::size_t fast = 0; fast < throughputs_.size() && !lost; ++fast) {
      // One that was dropped may still beat others: what beat it beats them, too.
      if (fast == slow || throughputs_[fast] < throughputs_[slow]) continue;
      const Discordant pair = compare(slow, fast);
      lost = pair.only_second > pair.only_first && sign_test(pair.only_first, pair.only_second) < error_per_comparison_;
    }
    if (lost) losers.push_back(slow);
  }
  for (const std::size_t loser : losers) alive_[loser] = false;
  return static_cast<int>(losers.size());
}

std::size_t AccuracyRace::num_alive() const {
  return static_cast<std::size_t>(std::count(alive_.begin(), alive_.end(), true));
}

std::int64_t AccuracyRace::num_answered(std::size_t contestant) const {
  const std::vector<std::int8_t>& marks = marks_[contestant];
  return static_cast<std::int64_t>(marks.size()) - std::count(marks.begin(), marks.end(), kUnknown);
}

std::optional<Estimate> AccuracyRace::accuracy(std::size_t contestant) const {
  const std::int64_t answered = num_answered(contestant);
  if (answered == 0) return std::nullopt;
  const std::int64_t right = std::count(marks_[contestant].begin(), marks_[contestant].end(), kRight);
  const auto [low, high] = wilson_interval(right, answered);
  return Estimate{static_cast<double>(right) / static_cast<double>(answered), low, high};
}

PairedDifference AccuracyRace::difference(std::size_t first, std::size_t second) const {
  const Discordant pair = compare(first, second);
  return paired_difference(pair.only_first, pair.only_second, pair.both);
}

}  // namespace smol
