#pragma once
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "smol/preprocess.h"

namespace smol {

// A *form* is one way to run a logical pipeline: a PhysicalPipeline. These are the facts about forms that rules share.

/// The operators a step stands for, in order. Borrowed from the step.
[[nodiscard]] std::span<const Operator> operators_of(const PhysicalStep& step);
/// All operators of a form: the host's, then the device's.
[[nodiscard]] std::vector<Operator> operators_of(const PhysicalPipeline& form);

/// convert, normalize, color, layout: one sample in, one sample out.
[[nodiscard]] bool is_pointwise(const Operator& op);
[[nodiscard]] bool is_crop(const Operator& op);
[[nodiscard]] bool is_resize(const Operator& op);
/// The first host step when it is fused and holds what `predicate` looks for, else null.
[[nodiscard]] const FusedStep* leading_fused_step(const PhysicalPipeline& form, bool (*predicate)(const Operator&));

/// One operator becomes a SingleStep, several a FusedStep with full coefficients.
[[nodiscard]] PhysicalStep make_step(std::vector<Operator> operators);
/// `form` with `count` host steps from `first` on replaced.
[[nodiscard]] PhysicalPipeline with_steps(const PhysicalPipeline& form, std::size_t first, std::size_t count,
                                          std::vector<PhysicalStep> replacement);

/// Whether the host steps `first` and `first + 1` may change places. What the change does to rounding is label_of_order's
/// business.
[[nodiscard]] bool may_exchange(const PhysicalPipeline& form, std::size_t first);

/// How faithful the order of a form's operators is to the logical pipeline: resizing floats where the logical pipeline
/// resizes bytes (or the reverse) differs by the rounding of two passes, and with negative lobes by the clipping too.
[[nodiscard]] FidelityLabel label_of_order(const PhysicalPipeline& form, const LogicalPipeline& logical);

/// "resize(...) | center_crop(...)", fused steps in brackets.
[[nodiscard]] std::string one_line(std::span<const Operator> operators);
[[nodiscard]] std::string one_line(std::span<const PhysicalStep> steps);
[[nodiscard]] std::string one_line(const PhysicalPipeline& form);
/// The part that differs between two forms, one line each.
[[nodiscard]] std::pair<std::string, std::string> change_between(const PhysicalPipeline& before,
                                                                 const PhysicalPipeline& after);

}  // namespace smol
