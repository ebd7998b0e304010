#pragma once
#include <string>

#include "optimizer/optimizer.h"

namespace smol {

struct ExplainOptions {
  bool timings = false;          ///< microseconds a rule took; off, the text is the same on every machine
  std::size_t max_rejected = 5;  ///< rejected alternatives shown
};

/// What was generated, what pruned it, what was chosen and what was rejected, as text for people.
[[nodiscard]] std::string explain(const OptimizerInput& input, const OptimizerResult& result,
                                  const ExplainOptions& options = {});

}  // namespace smol
