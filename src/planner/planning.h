#pragma once
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "planner/accuracy_race.h"
#include "planner/answer_book.h"
#include "planner/calibration.h"
#include "planner/profiler.h"
#include "planner/selection.h"
#include "smol/session.h"

namespace smol {

/// Plans one dataset: DESIGN section 5, step by step. Lives for one call of plan().
class Planning {
 public:
  Planning(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options);

  Result<PlanSet> run();
  /// replan() of session.h.
  Result<PlanSet> run_again(const PlanSet& earlier);
  /// Rates and answers for the next planning, if there is a cache folder. Also after run() failed.
  Status save_caches();
  [[nodiscard]] Profile profile() const;

 private:
  using Clock = std::chrono::steady_clock;

  // candidates
  Status survey_renditions();
  Status gather_contenders();
  Status take_contenders(const PlanSet& earlier);
  /// Answers of one contender a rendition: items that fail are not measured with.
  Status leave_out_failing_items();
  // rates
  Status doubt_cached_rates();
  Status profile_stages();
  Status calibrate_overlap();
  void predict_all();
  /// Of the placements of one plan, which give the same answers, the fastest stays.
  void keep_best_placements();
  // accuracies
  Status race_accuracies();
  void revise_estimate();
  Status race_block(std::size_t begin, std::size_t end);
  void record_accuracies();
  [[nodiscard]] std::optional<bool> is_right(const AnswerBook& book, const Plan& plan, std::size_t unit) const;
  [[nodiscard]] std::optional<std::size_t> reference_contender() const;
  // choice
  [[nodiscard]] std::vector<std::size_t> finalists() const;
  Status measure_finalists();
  Status choose();
  Status estimate_on_held_out();
  Status measure_latencies();
  Status measure_differences();
  Status measure_breakdown();
  /// Points of the frontier that the data do not tell from the one before.
  void mark_undecided(std::vector<Plan>& frontier) const;
  Result<PlanSet> conclude();

  [[nodiscard]] bool can_be_chosen(const Contender& contender) const;
  [[nodiscard]] SelectionFacts facts() const;
  [[nodiscard]] double elapsed_s() const;
  [[nodiscard]] bool time_is_up(double share) const;
  Status tick(const std::string& what);
  [[nodiscard]] std::string cache_path(const std::string& kind, const std::string& key) const;
  [[nodiscard]] Profile known_rates() const;
  [[nodiscard]] std::string dataset_key() const;
  [[nodiscard]] std::vector<Unit> units_of(const std::vector<std::size_t>& items) const;

  const Runtime& runtime_;
  const Dataset& dataset_;
  const PlanOptions& options_;
  const Clock::time_point start_ = Clock::now();
  std::string reference_rendition_;  ///< what "exact" is exact to
  Calibration calibration_;
  std::vector<std::vector<Item>> items_;  ///< by rendition: what rates are measured with
  std::vector<RenditionFacts> rendition_facts_;
  std::vector<Contender> contenders_, beaten_placements_;
  std::unique_ptr<Profiler> profiler_;
  std::unique_ptr<AnswerBook> book_;
  std::vector<double> overlap_exponents_;
  std::vector<std::string> calibrated_on_;        ///< plan ids
  std::vector<std::vector<double>> whole_per_s_;  ///< by contender: end to end
  std::vector<Profile::Breakdown> breakdown_;
  std::optional<std::size_t> reference_;  ///< contender that others must agree with; none: there are labels
  std::string reference_id_;
  std::unique_ptr<AccuracyRace> race_;
  std::vector<Profile::Accuracy> accuracy_;
  Selection selection_;
  double expected_s_ = 0;  ///< of the whole planning, revised on the way
};

/// The second plan() of session.h.
[[nodiscard]] Result<PlanSet> plan_from_profile(const Profile& profile, const PlanOptions& options);

}  // namespace smol
