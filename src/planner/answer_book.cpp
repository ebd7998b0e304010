#include "planner/answer_book.h"

#include <algorithm>
#include <set>

#include "engine/compiled_plan.h"
#include "planner/calibration.h"

namespace smol {
namespace {

std::string region_name(const Dataset& dataset, const Unit& unit) {
  const bool named = !dataset.regions.empty() && !dataset.regions[unit.item].empty();
  return named ? dataset.regions[unit.item][unit.region].name : "";
}

}  // namespace

AnswerBook::AnswerBook(const Runtime& runtime, const Dataset& dataset, const PlanOptions& options, Profiler& profiler,
                       std::vector<Unit> units)
    : runtime_(runtime),
      dataset_(dataset),
      options_(options),
      profiler_(profiler),
      units_(std::move(units)),
      items_(dataset.renditions.size()) {
  std::vector<std::size_t> wanted;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    unit_by_name_[dataset.item_ids[units_[i].item] + '\0' + region_name(dataset, units_[i])] = i;
    if (wanted.empty() || wanted.back() != units_[i].item) wanted.push_back(units_[i].item);
  }
  for (std::size_t rendition = 0; rendition < items_.size(); ++rendition) {
    std::vector<Item> items = items_of(dataset, dataset.renditions[rendition], wanted);
    for (std::size_t i = 0; i < items.size(); ++i) items_[rendition].emplace(wanted[i], std::move(items[i]));
  }
}

const Item& AnswerBook::item_of(std::size_t rendition, std::size_t item) { return items_[rendition].at(item); }

AnswerBook::Page& AnswerBook::page_of(const Plan& plan, const CompiledPlan& compiled) {
  const std::string hash = plan.semantic_hash();
  const auto [place, added] = pages_.try_emplace(hash);
  if (added) {
    place->second.labels.assign(units_.size(), kUnanswered);
    place->second.cache = std::make_unique<AnswerCache>(options_.cache_folder, hash + " " + compiled.state().versions);
  }
  return place->second;
}

bool AnswerBook::recall(Page& page, std::size_t rendition, std::size_t begin, std::size_t end) {
  bool missing = false;
  std::string fingerprint;
  std::size_t last_item = dataset_.item_ids.size();
  for (std::size_t i = begin; i < end; ++i) {
    if (page.labels[i] != kUnanswered) continue;
    const Item& item = item_of(rendition, units_[i].item);
    if (!item.error && units_[i].item != last_item) {
      fingerprint = fingerprint_of(item);
      last_item = units_[i].item;
    }
    const int* label = item.error ? nullptr
                                  : page.cache->find(location_of(item), region_name(dataset_, units_[i]),
                                                     region_fingerprint(fingerprint, item, units_[i].region));
    if (label == nullptr) {
      missing = true;
    } else {
      page.labels[i] = *label;
      ++num_from_cache_;
    }
  }
  return missing;
}

Status AnswerBook::answer(std::vector<Contender*> contenders, std::size_t begin, std::size_t end) {
  std::vector<Contender*> missing;
  std::set<std::string> asked;
  for (Contender* contender : contenders) {
    if (!asked.insert(contender->plan.semantic_hash()).second) continue;  // the same answers by another way
    SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, profiler_.compiled_for(contender->plan));
    if (recall(page_of(contender->plan, *compiled), contender->rendition, begin, end)) missing.push_back(contender);
  }
  // Plans of one rendition with different models run together; a compiled model serves one plan at a time.
  while (!missing.empty()) {
    std::vector<Contender*> wave, later;
    std::set<std::string> models;
    for (Contender* contender : missing) {
      const bool fits = (wave.empty() || wave.front()->rendition == contender->rendition) &&
                        models.insert(Profiler::inference_key(contender->plan)).second;
      (fits ? wave : later).push_back(contender);
    }
    SMOL_RETURN_IF_ERROR(run_together(wave, begin, end));
    missing = std::move(later);
  }
  return {};
}

Status AnswerBook::run_together(const std::vector<Contender*>& wave, std::size_t begin, std::size_t end) {
  const std::size_t rendition = wave.front()->rendition;
  std::vector<Item> items;
  std::size_t last_item = dataset_.item_ids.size();
  for (std::size_t i = begin; i < end; ++i) {
    if (units_[i].item == last_item) continue;
    last_item = units_[i].item;
    const bool needed = std::any_of(wave.begin(), wave.end(), [&](const Contender* contender) {
      return pages_.at(contender->plan.semantic_hash()).labels[i] == kUnanswered;
    });
    if (needed) items.push_back(item_of(rendition, last_item));
  }
  // Units are in random order; of a video frames that lie together are decoded together.
  if (!items.empty() && items.front().video) {
    std::stable_sort(items.begin(), items.end(),
                     [](const Item& a, const Item& b) { return a.path != b.path ? a.path < b.path : a.frame < b.frame; });
  }
  num_asked_ += static_cast<std::int64_t>(items.size() * wave.size());
  // A run takes its plans side by side: they are lent to it.
  std::vector<CompiledPlan*> owners;
  std::vector<CompiledPlan> lent;
  for (Contender* contender : wave) {
    SMOL_ASSIGN_OR_RETURN(CompiledPlan * compiled, profiler_.compiled_for(contender->plan));
    owners.push_back(compiled);
  }
  for (CompiledPlan* owner : owners) lent.push_back(std::move(*owner));
  MemorySink sink;
  RunOptions options;
  options.limits = options_.limits;
  options.stop = options_.stop;
  const std::unique_ptr<Source> source = from_items(items);
  const Result<RunReport> report = execute(runtime_, lent, *source, sink, options);
  for (std::size_t i = 0; i < owners.size(); ++i) *owners[i] = std::move(lent[i]);
  if (!report.ok()) return report.error();
  if (report->cancelled) return Error{ErrorCode::kCancelled, "planning was stopped"};
  for (const Row& row : sink.rows()) {
    const auto unit = unit_by_name_.find(row.item + '\0' + row.region);
    if (unit == unit_by_name_.end()) continue;
    Page& page = pages_.at(wave[static_cast<std::size_t>(row.plan)]->plan.semantic_hash());
    if (row.error) {
      page.labels[unit->second] = kFailed;
      page.last_error = *row.error;
      continue;
    }
    page.labels[unit->second] = row.prediction.label;
    const Item& item = item_of(rendition, units_[unit->second].item);
    page.cache->add(location_of(item), row.region, row.fingerprint, row.prediction.label);
  }
  return {};
}

int AnswerBook::label(const Plan& plan, std::size_t unit) const {
  const auto page = pages_.find(plan.semantic_hash());
  return page == pages_.end() ? kUnanswered : page->second.labels[unit];
}

Error AnswerBook::last_error(const Plan& plan) const {
  const auto page = pages_.find(plan.semantic_hash());
  return page == pages_.end() ? Error{} : page->second.last_error;
}

Status AnswerBook::save() const {
  for (const auto& [hash, page] : pages_) SMOL_RETURN_IF_ERROR(page.cache->save());
  return {};
}

}  // namespace smol
