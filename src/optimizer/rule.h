#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "optimizer/form.h"
#include "smol/backend.h"
#include "smol/codec.h"
#include "smol/preprocess.h"

namespace smol {

/// What rules may know of the decoder, the pictures and the device. Plain data: rules are pure functions.
struct RuleContext {
  CodecCapabilities codec;
  BackendCapabilities backend;
  ImageHeader typical;       ///< a median picture; sizes, sampling and bytes are what costs are counted from
  bool all_gray = false;     ///< every picture decodes to one channel, not only the typical one
  bool all_upright = false;  ///< no picture carries an orientation
};

/// A rule that rewrites the logical pipeline itself, before any form is generated.
struct Simplification {
  LogicalPipeline pipeline;
  std::string before, after;  ///< the part that changed
};

/// A form one application of a choice rule away.
struct Alternative {
  PhysicalPipeline pipeline;  ///< its label says how faithful it is
  std::string fidelity;       ///< "scale4", part of the candidate's name; empty when answers do not change
  std::string note;           ///< one line for explain
  /// It may be more accurate than what it began with (of a picture that lost something on the way), so it is kept also where
  /// it costs more: measuring decides.
  bool may_gain_accuracy = false;
};

/// The output stays the same (within the label of the form's order). Has one of the two functions.
struct ExactRule {
  std::string_view name;     ///< its file's stem; what `disabled_rules` names
  std::string_view summary;  ///< one sentence
  /// Rewrites the logical pipeline; nullopt when there is nothing to do. Applied until then.
  std::optional<Simplification> (*simplify)(const LogicalPipeline& pipeline, const RuleContext& context) = nullptr;
  /// All forms one application away, in either direction: generation takes them all, pruning those that a neighbour
  /// dominates. The label is filled in by the caller.
  std::vector<PhysicalPipeline> (*neighbours)(const PhysicalPipeline& form, const RuleContext& context) = nullptr;
};

/// Adds alternatives: less faithful and cheaper, or the same answers on another resource.
struct ChoiceRule {
  std::string_view name;
  std::string_view summary;
  std::vector<Alternative> (*alternatives)(const PhysicalPipeline& form, const RuleContext& context) = nullptr;
};

/// The ordered list of rules.
struct RuleList {
  std::vector<ExactRule> exact;
  std::vector<ChoiceRule> choices;
};

}  // namespace smol
