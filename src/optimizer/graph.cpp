#include "optimizer/graph.h"

#include <algorithm>

namespace smol {
namespace {

bool offers(const OptimizerResult& result, const DecodeStep& decode) {
  return std::any_of(result.candidates.begin(), result.candidates.end(),
                     [&decode](const Candidate& candidate) { return candidate.pipeline.decode == decode; });
}

/// True when the chosen (first) candidates agree how to decode.
bool agree(const std::vector<OptimizerResult>& results) {
  const DecodeStep& first = results.front().candidates.front().pipeline.decode;
  return std::all_of(results.begin(), results.end(),
                     [&first](const OptimizerResult& result) { return result.candidates.front().pipeline.decode == first; });
}

/// Drops candidates whose decode step some other output does not offer.
void keep_common(std::vector<OptimizerResult>& results) {
  std::vector<DecodeStep> common;
  for (const Candidate& candidate : results.front().candidates) {
    const DecodeStep& decode = candidate.pipeline.decode;
    const bool everywhere = std::all_of(results.begin(), results.end(),
                                        [&decode](const OptimizerResult& result) { return offers(result, decode); });
    if (everywhere) common.push_back(decode);
  }
  for (OptimizerResult& result : results) {
    std::erase_if(result.candidates, [&common](const Candidate& candidate) {
      return std::find(common.begin(), common.end(), candidate.pipeline.decode) == common.end();
    });
  }
}

}  // namespace

Result<std::vector<OptimizerResult>> optimize_graph(const PreprocessGraph& graph, const OptimizerInput& shared,
                                                    const RuleList& rules) {
  if (graph.outputs.empty()) return Error{ErrorCode::kInvalidArgument, "a graph needs at least one output, given: 0"};
  OptimizerInput input = shared;
  // Decode-side rules that only some outputs can use are taken back one after the other; without them all decode alike.
  for (const char* rule : {"", "push_region_into_decoder", "gray_late"}) {
    const auto named = [rule](const ExactRule& exact) { return exact.name == rule; };
    if (*rule != '\0' && std::any_of(rules.exact.begin(), rules.exact.end(), named)) input.disabled_rules.insert(rule);
    std::vector<OptimizerResult> results;
    for (const PreprocessGraph::Output& output : graph.outputs) {
      input.logical = output.pipeline;
      Result<OptimizerResult> result = optimize(input, rules);
      if (!result) return Error{result.error().code, "output " + output.name + ": " + result.error().message};
      results.push_back(*std::move(result));
    }
    if (!agree(results)) continue;
    keep_common(results);
    return results;
  }
  return Error{ErrorCode::kInternal,
               "outputs of a graph do not agree how to decode, although no rule changes the decode step"};
}

}  // namespace smol
