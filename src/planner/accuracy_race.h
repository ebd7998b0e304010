#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/statistics.h"
#include "smol/plan.h"

namespace smol {

/// Compares contestants on the same items, block after block, and drops those that cannot win: racing. Pure bookkeeping.
///
/// A contestant is dropped when a faster one is more accurate, by an exact sign test on the items both answered, or when its
/// accuracy is below the wanted one. All comparisons of all rounds share an error of 5 %.
class AccuracyRace {
 public:
  /// `throughputs` by contestant; `num_rounds`: how often drop_losers() will be called at most.
  AccuracyRace(std::vector<double> throughputs, std::size_t num_items, int num_rounds);

  void record(std::size_t contestant, std::size_t item, bool right);
  /// Drops losers and returns how many. `min_accuracy`: contestants surely below it lose, too.
  int drop_losers(std::optional<double> min_accuracy);
  [[nodiscard]] bool alive(std::size_t contestant) const { return alive_[contestant]; }
  [[nodiscard]] std::size_t num_alive() const;
  /// Keeps a contestant in the race whatever its results: the reference of others.
  void protect(std::size_t contestant) { protected_[contestant] = true; }

  /// Wilson's interval over the items that the contestant answered; nullopt before it answered any.
  [[nodiscard]] std::optional<Estimate> accuracy(std::size_t contestant) const;
  [[nodiscard]] std::int64_t num_answered(std::size_t contestant) const;
  /// Accuracy of `first` minus that of `second` on the items both answered, two-sided 95 %.
  [[nodiscard]] PairedDifference difference(std::size_t first, std::size_t second) const;

 private:
  enum Mark : std::int8_t { kUnknown = -1, kWrong = 0, kRight = 1 };
  struct Discordant {
    std::int64_t only_first = 0, only_second = 0, both = 0;
  };
  [[nodiscard]] Discordant compare(std::size_t first, std::size_t second) const;

  std::vector<double> throughputs_;
  std::vector<std::vector<std::int8_t>> marks_;  ///< by contestant, by item
  std::vector<bool> alive_, protected_;
  double error_per_comparison_;
};

}  // namespace smol
