#include "optimizer/graph.h"

#include <algorithm>
#include <functional>

namespace smol {
namespace {

/// What run_many wants equal. Regions may differ.
bool decode_alike(const Candidate& a, const Candidate& b) {
  return a.pipeline.decode.scale_denominator == b.pipeline.decode.scale_denominator &&
         a.pipeline.decode.format == b.pipeline.decode.format &&
         a.pipeline.decode.thumbnail == b.pipeline.decode.thumbnail &&
         a.pipeline.decode.deblocking == b.pipeline.decode.deblocking;
}

/// True when the first candidates, exact and on the host, decode alike.
bool agree(const std::vector<OptimizerResult>& results) {
  const Candidate& first = results.front().candidates.front();
  return std::all_of(results.begin(), results.end(),
                     [&first](const OptimizerResult& result) { return decode_alike(first, result.candidates.front()); });
}

/// Drops candidates that decode as no candidate of some other output does.
void keep_common(std::vector<OptimizerResult>& results) {
  const std::vector<OptimizerResult> all = results;
  const auto is_offered_everywhere = [&all](const Candidate& candidate) {
    return std::all_of(all.begin(), all.end(), [&candidate](const OptimizerResult& result) {
      return std::any_of(result.candidates.begin(), result.candidates.end(),
                         [&candidate](const Candidate& other) { return decode_alike(candidate, other); });
    });
  };
  for (OptimizerResult& result : results) std::erase_if(result.candidates, std::not_fn(is_offered_everywhere));
}

/// A candidate of each output that decodes as `first` does and has its fidelity; empty when some output has none.
std::vector<Candidate> companions_of(const Candidate& first, const std::vector<OptimizerResult>& results) {
  std::vector<Candidate> chosen;
  for (const OptimizerResult& result : results) {
    const auto found = std::find_if(result.candidates.begin(), result.candidates.end(), [&first](const Candidate& other) {
      return other.fidelity == first.fidelity && decode_alike(first, other) && other.pipeline.device_operators.empty();
    });
    if (found == result.candidates.end()) return {};
    chosen.push_back(*found);
  }
  return chosen;
}

}  // namespace

Result<std::vector<Candidate>> choose_fidelity(const std::vector<OptimizerResult>& results, const std::string& fidelity) {
  std::string offered;
  for (const Candidate& candidate : results.front().candidates) {
    std::vector<Candidate> chosen = companions_of(candidate, results);
    if (chosen.empty()) continue;
    if (candidate.fidelity == fidelity) return chosen;
    offered += (offered.empty() ? "" : ", ") + candidate.fidelity;
  }
  return Error{ErrorCode::kNotFound, "no such fidelity for this picture; there are: " + offered + "; given: " + fidelity};
}

Result<std::vector<OptimizerResult>> optimize_graph(const PreprocessGraph& graph, const OptimizerInput& shared,
                                                    const RuleList& rules) {
  if (graph.outputs.empty()) return Error{ErrorCode::kInvalidArgument, "a graph needs at least one output, given: 0"};
  OptimizerInput input = shared;
  for (const bool gray : {true, false}) {
    // An output that cannot take gray pictures (a user operator stands in it) takes gray decoding from all.
    if (!gray) input.context.all_gray = false;
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
  return Error{ErrorCode::kInternal, "outputs of a graph do not agree on the decoder's scale and format"};
}

}  // namespace smol
