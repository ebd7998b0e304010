#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "smol/session.h"

namespace smol {
namespace {

/// The dataset of the chosen items alone.
Result<Dataset> choose_items(const Dataset& dataset, std::span<const std::string> item_ids) {
  std::unordered_map<std::string_view, std::size_t> index_of;
  index_of.reserve(dataset.item_ids.size());
  for (std::size_t i = 0; i < dataset.item_ids.size(); ++i) index_of.emplace(dataset.item_ids[i], i);
  Dataset chosen;
  chosen.path = dataset.path;
  chosen.renditions = dataset.renditions;
  for (const std::string& id : item_ids) {
    const auto found = index_of.find(id);
    if (found == index_of.end())
      return Error{ErrorCode::kNotFound, fmt::format("the dataset {} has no such item: {}", dataset.path, id)};
    chosen.item_ids.push_back(id);
    if (!dataset.regions.empty()) chosen.regions.push_back(dataset.regions[found->second]);
  }
  return chosen;
}

}  // namespace

Result<std::vector<Row>> evaluate(const Runtime& runtime, CompiledPlan& stage, const Dataset& dataset,
                                  const std::string& rendition, std::span<const std::string> item_ids,
                                  const RunOptions& options) {
  SMOL_ASSIGN_OR_RETURN(const Dataset chosen, choose_items(dataset, item_ids));
  RunOptions in_order = options;
  in_order.ordered = true;
  MemorySink sink;
  SMOL_ASSIGN_OR_RETURN(const RunReport report, execute(runtime, {&stage, 1}, *chosen.open(rendition), sink, in_order));
  if (report.cancelled) return Error{ErrorCode::kCancelled, "evaluating was stopped"};
  return sink.rows();
}

}  // namespace smol
