#include "optimizer/rule.h"

namespace smol::rule {
namespace {

bool runs_on_device(const Operator& op) {
  const auto* color = std::get_if<ColorOp>(&op);
  return is_pointwise(op) && (color == nullptr || color->order != ColorOrder::kGray);
}

/// `form` with its last `count` operators compiled into the model graph.
PhysicalPipeline with_device_operators(const PhysicalPipeline& form, std::size_t count) {
  PhysicalPipeline placed = form;
  while (count > 0) {
    const auto operators = operators_of(placed.host_steps.back());
    const std::size_t taken = std::min(count, operators.size());
    const std::vector<Operator> kept(operators.begin(), operators.end() - static_cast<std::ptrdiff_t>(taken));
    placed.device_operators.insert(placed.device_operators.begin(), operators.end() - static_cast<std::ptrdiff_t>(taken),
                                   operators.end());
    count -= taken;
    if (kept.empty()) {
      placed.host_steps.pop_back();
      continue;
    }
    // A fused step that keeps one operator stays fused: it still resizes rows as they are decoded.
    if (auto* fused = std::get_if<FusedStep>(&placed.host_steps.back())) fused->operators = kept;
  }
  return placed;
}

/// [resize(..) | convert(f32) | normalize(..) | layout(NCHW)] => [resize(..)] | device: convert(f32) | normalize(..) |
/// layout(NCHW), and every split between: the less the host does, the smaller the tensor that is handed over.
std::vector<Alternative> alternatives(const PhysicalPipeline& form, const RuleContext& context) {
  if (!context.backend.compiles_device_operators || !form.device_operators.empty()) return {};
  const std::vector<Operator> operators = operators_of(form);
  std::size_t movable = 0;
  while (movable < operators.size() && runs_on_device(operators[operators.size() - 1 - movable])) ++movable;
  std::vector<Alternative> result;
  for (std::size_t count = 1; count <= movable; ++count) {
    PhysicalPipeline placed = with_device_operators(form, count);
    if (placed.host_steps.empty()) break;  // the host writes the slot: it keeps at least one step
    std::string note = "on the device: " + one_line(placed.device_operators);
    result.push_back({std::move(placed), "", std::move(note)});
  }
  return result;
}

}  // namespace

ChoiceRule device_placement() {
  return {"device_placement", "the arithmetic end of the pipeline is compiled into the model graph", alternatives};
}

}  // namespace smol::rule
