#pragma once
#include <vector>

#include "optimizer/optimizer.h"

namespace smol {

/// Optimises every output of a graph over one decode: the candidates of all outputs use only decoder scales and formats that
/// every output offers, so that `run_many` can feed them together (it decodes the union of their regions by itself).
/// `shared.logical` is not used. Results are in the order of the outputs; all have an exact first candidate.
[[nodiscard]] Result<std::vector<OptimizerResult>> optimize_graph(const PreprocessGraph& graph, const OptimizerInput& shared,
                                                                  const RuleList& rules = built_in_rules());

/// One candidate of each output at one fidelity, all over the same decode. kNotFound lists the fidelities there are.
[[nodiscard]] Result<std::vector<Candidate>> choose_fidelity(const std::vector<OptimizerResult>& results,
                                                             const std::string& fidelity);

}  // namespace smol
