#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "planner/answer_cache.h"
#include "planner/profiler.h"

namespace smol {

/// One thing to be answered: an item, or one of its regions.
struct Unit {
  std::size_t item = 0, region = 0;  ///< indices into the dataset
  int label = -1;                    ///< the true one; -1: none
  bool operator==(const Unit&) const = default;
};

/// The answers of contenders on units of a dataset, found in the cache or by running their plans. Plans of one rendition run
/// together and share reading and decoding. Not thread-safe.
class AnswerBook {
 public:
  /// `units` in the order of items; several of one item stand together.
  AnswerBook(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options, Profiler& profiler,
             std::vector<Unit> units);

  static constexpr int kUnanswered = -2;  ///< not asked yet
  static constexpr int kFailed = -3;      ///< the item could not be answered

  [[nodiscard]] const std::vector<Unit>& units() const { return units_; }
  /// Asks `contenders` for units [begin, end). What is known is not asked again.
  Status answer(std::vector<Contender*> contenders, std::size_t begin, std::size_t end);
  /// The label of a unit by a plan: kUnanswered, kFailed, or what it said (-1: the task has no labels).
  [[nodiscard]] int label(const Plan& plan, std::size_t unit) const;
  /// Why an item failed, the last one seen for the plan.
  [[nodiscard]] Error last_error(const Plan& plan) const;
  [[nodiscard]] std::int64_t num_from_cache() const { return num_from_cache_; }
  [[nodiscard]] std::int64_t num_asked() const { return num_asked_; }
  Status save() const;

 private:
  struct Page {
    std::vector<int> labels;  ///< by unit
    std::unique_ptr<AnswerCache> cache;
    Error last_error;
  };
  Page& page_of(const Plan& plan, const CompiledPlan& compiled);
  /// Fills in what the cache has; returns whether anything is missing.
  bool recall(Page& page, std::size_t rendition, std::size_t begin, std::size_t end);
  Status run_together(const std::vector<Contender*>& wave, std::size_t begin, std::size_t end);
  [[nodiscard]] const Item& item_of(std::size_t rendition, std::size_t item);

  const Runtime& runtime_;
  const Dataset& dataset_;
  const PlanOptions& options_;
  Profiler& profiler_;
  std::vector<Unit> units_;
  std::unordered_map<std::string, std::size_t> unit_by_name_;  ///< item id '\0' region name
  std::vector<std::unordered_map<std::size_t, Item>> items_;   ///< by rendition, by item
  std::unordered_map<std::string, Page> pages_;                ///< by semantic hash
  std::int64_t num_from_cache_ = 0, num_asked_ = 0;
};

}  // namespace smol
