#pragma once
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "optimizer/op_cost.h"
#include "optimizer/rule.h"

namespace smol {

/// What the optimizer may know: the logical pipeline, capabilities, a typical picture. Never the name of a format.
struct OptimizerInput {
  LogicalPipeline logical;
  RuleContext context;
  OpCostWeights weights;
  bool allow_lossy = true;               ///< false: candidates labelled lossy are left out
  std::set<std::string> disabled_rules;  ///< names; an unknown one is an error
  bool keep_all_forms = false;           ///< OptimizerResult::forms holds the pruned ones too
  std::string codec_name;                ///< for explain only
  std::size_t max_forms = 20'000;        ///< generation stops here; explain says so
};

/// One way to run the logical pipeline, with its counted cost.
struct Candidate {
  PhysicalPipeline pipeline;
  std::string fidelity = "exact";  ///< "exact", "bits14", "scale4+bits14", ...: what changes answers
  std::vector<std::string> notes;  ///< of the choices taken
  bool may_gain_accuracy = false;  ///< by one of them: it need not be cheaper
  WorkCount work;
  OpCost cost;
};

/// A generated form.
struct FormRecord {
  Candidate candidate;
  std::string pruned_by;  ///< rule, or empty
};

/// What a rule did.
struct RuleTrace {
  std::string name;
  bool choice = false, disabled = false;
  double microseconds = 0;
  std::size_t num_generated = 0, num_pruned = 0;
  /// Before and after, one line each: of simplifications, and of the steps that lead to the chosen form.
  std::vector<std::pair<std::string, std::string>> fired;
  std::vector<std::string> notes;  ///< of the alternatives a choice rule added
};

struct OptimizerResult {
  /// The cheapest exact form with everything on the host comes first; then choices, most faithful and cheapest first.
  std::vector<Candidate> candidates;
  std::vector<Candidate>
      rejected;                   ///< costed, but another form with the same answers is cheaper, or the choice does not pay
  std::vector<RuleTrace> rules;   ///< in order
  std::vector<FormRecord> forms;  ///< all that were generated, when asked for
  LogicalPipeline logical;        ///< after simplification
  OutputSpec output;              ///< what the model gets
  std::size_t num_generated = 0, num_pruned = 0, num_costed = 0;
  bool generation_stopped = false;  ///< max_forms was reached
};

/// THE ordered list (optimizer.cpp).
[[nodiscard]] const RuleList& built_in_rules();

/// Generates every form that the exact rules allow, prunes by dominance, counts the cost of the rest, adds the choices.
/// A pure function but for the times in RuleTrace. kInvalidArgument: the pipeline does not verify, the typical picture has
/// no size, a disabled rule is unknown. kInternal: a rule made a form that does not verify; the message names it.
[[nodiscard]] Result<OptimizerResult> optimize(const OptimizerInput& input, const RuleList& rules = built_in_rules());

}  // namespace smol
