#pragma once
#include <vector>

#include "optimizer/optimizer.h"

namespace smol {

/// Optimises every output of a graph over one decode: the candidates of all outputs use the decode steps they have in
/// common, so that `run_many` can feed them together. A region is pushed into the decoder only when every output leaves
/// something out. `shared.logical` is not used. Results are in the order of the outputs.
[[nodiscard]] Result<std::vector<OptimizerResult>> optimize_graph(const PreprocessGraph& graph, const OptimizerInput& shared,
                                                                  const RuleList& rules = built_in_rules());

}  // namespace smol
