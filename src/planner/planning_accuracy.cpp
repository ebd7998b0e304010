#include <algorithm>

#include "planner/frontier.h"
#include "planner/planning.h"

namespace smol {
namespace {

constexpr std::size_t kFirstBlock = 32;

// 32, 64, 128, ... units: early rounds are cheap and drop the worst.
std::vector<std::size_t> block_ends(std::size_t num_units) {
  std::vector<std::size_t> ends;
  for (std::size_t end = kFirstBlock; end < num_units; end *= 2) ends.push_back(end);
  ends.push_back(num_units);
  return ends;
}

}  // namespace

// Without labels: the model that costs most an item, exact, on the first rendition. Embeddings have no label that could be
// right.
std::optional<std::size_t> Planning::reference_contender() const {
  std::optional<std::size_t> reference;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    if (!contenders_[i].classifies || !cannot_change_answers(contenders_[i].plan, reference_rendition_)) {
      continue;
    }
    if (!reference || profiler_->infer_per_s(contenders_[i].plan) < profiler_->infer_per_s(contenders_[*reference].plan))
      reference = i;
  }
  return reference;
}

std::optional<bool> Planning::is_right(const AnswerBook& book, const Plan& plan, std::size_t unit) const {
  const int answer = book.label(plan, unit);
  if (answer == AnswerBook::kUnanswered) return std::nullopt;
  const int truth = reference_ ? book.label(contenders_[*reference_].plan, unit) : book.units()[unit].label;
  if (truth < 0) return std::nullopt;
  return answer == truth;  // an item that failed was not answered rightly
}

Status Planning::race_block(std::size_t begin, std::size_t end) {
  std::vector<Contender*> asked;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    if (contenders_[i].classifies && race_->alive(i)) asked.push_back(&contenders_[i]);
  }
  SMOL_RETURN_IF_ERROR(book_->answer(asked, begin, end));
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    for (std::size_t unit = begin; unit < end; ++unit) {
      if (const auto right = is_right(*book_, contenders_[i].plan, unit)) race_->record(i, unit, *right);
    }
  }
  return {};
}

// Rates are known by now: so is about how long the answers and the runs from end to end will take.
void Planning::revise_estimate() {
  constexpr double kShareAsked = 0.7, kSecondsARun = 1.2, kFinalists = 8;  // some are dropped, some answers are cached
  double seconds = 0;
  for (const Contender& contender : contenders_)
    seconds += kShareAsked * static_cast<double>(book_->units().size()) / std::max(1.0, contender.plan.throughput());
  seconds += std::min(kFinalists, static_cast<double>(contenders_.size())) * options_.repeats * kSecondsARun;
  expected_s_ = elapsed_s() + seconds;
  if (options_.time_budget_s > 0) expected_s_ = std::min(expected_s_, options_.time_budget_s);
}

Status Planning::race_accuracies() {
  const std::vector<Unit>& units = book_->units();
  const bool labelled = std::any_of(units.begin(), units.end(), [](const Unit& unit) { return unit.label >= 0; });
  if (std::none_of(contenders_.begin(), contenders_.end(), [](const Contender& c) { return c.classifies; })) return {};
  if (!labelled) {
    reference_ = reference_contender();
    if (!reference_) return {};
    reference_id_ = contenders_[*reference_].plan.id;
  }
  const std::vector<std::size_t> ends = block_ends(units.size());
  std::vector<double> throughputs;
  for (const Contender& contender : contenders_) throughputs.push_back(contender.plan.throughput());
  race_ = std::make_unique<AccuracyRace>(throughputs, units.size(), static_cast<int>(ends.size()));
  if (reference_) race_->protect(*reference_);
  revise_estimate();
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    if (begin > 0 && time_is_up(0.7)) break;
    SMOL_RETURN_IF_ERROR(tick(fmt::format("accuracy: {} of {} plans left, {} of {} answers", race_->num_alive(),
                                          contenders_.size(), begin, units.size())));
    SMOL_RETURN_IF_ERROR(race_block(begin, end));
    race_->drop_losers(options_.min_accuracy);
    begin = end;
  }
  record_accuracies();
  return {};
}

void Planning::record_accuracies() {
  const std::string& first = reference_rendition_;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    Plan& plan = contenders_[i].plan;
    if (!contenders_[i].classifies) continue;
    const std::optional<Estimate> accuracy = race_->accuracy(i);
    if (!accuracy) continue;
    plan.measured->accuracy = accuracy;
    plan.measured->agreement = reference_.has_value();
    plan.measured->num_items = race_->num_answered(i);
    accuracy_.push_back({plan.model_name, plan.rendition, plan.fidelity, plan.precision, *accuracy, reference_.has_value(),
                         race_->num_answered(i)});
    // Against the same model's exact plan on the first rendition, on the items both answered.
    for (std::size_t j = 0; j < contenders_.size(); ++j) {
      const Plan& exact = contenders_[j].plan;
      if (j == i || exact.model_digest != plan.model_digest || !cannot_change_answers(exact, first)) continue;
      const PairedDifference change = race_->difference(i, j);
      plan.measured->accuracy_change = Estimate{change.value, change.low, change.high};
    }
  }
}

// Whoever is best on some items is so partly by luck: the chosen plans are judged again by others.
Status Planning::estimate_on_held_out() {
  if (!race_ || calibration_.held_out.empty() || time_is_up(0.9)) return {};
  std::vector<Plan> plans;
  for (const Contender& contender : contenders_) plans.push_back(contender.plan);
  const FrontierSplit split = split_frontier(std::move(plans), reference_rendition_);
  std::vector<std::size_t> judged;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    const Plan& plan = contenders_[i].plan;
    const bool on_frontier =
        std::any_of(split.frontier.begin(), split.frontier.end(), [&](const Plan& point) { return point.id == plan.id; });
    if ((on_frontier || plan.id == selection_.chosen) && plan.measured && plan.measured->accuracy) judged.push_back(i);
  }
  AnswerBook held_out(runtime_, dataset_, options_, *profiler_, units_of(calibration_.held_out));
  const std::size_t num_units = held_out.units().size();
  SMOL_RETURN_IF_ERROR(tick("accuracy on items that had no part in the choice"));
  std::vector<Contender*> asked;
  for (const std::size_t i : judged) asked.push_back(&contenders_[i]);
  if (reference_) asked.push_back(&contenders_[*reference_]);
  SMOL_RETURN_IF_ERROR(held_out.answer(asked, 0, num_units));
  AccuracyRace estimate(std::vector<double>(contenders_.size(), 1), num_units, 1);
  for (const std::size_t i : judged) {
    PlanMeasurement& measured = *contenders_[i].plan.measured;
    for (std::size_t unit = 0; unit < num_units; ++unit) {
      if (const auto right = is_right(held_out, contenders_[i].plan, unit)) estimate.record(i, unit, *right);
    }
    measured.held_out_accuracy = estimate.accuracy(i);
    measured.num_held_out = estimate.num_answered(i);
  }
  return held_out.save();
}

}  // namespace smol
