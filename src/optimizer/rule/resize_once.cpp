#include "optimizer/rule.h"

namespace smol::rule {
namespace {

bool same_size(const ResizeOp& a, const ResizeOp& b) {
  const bool one_side = a.mode == ResizeOp::Mode::kShortSide || a.mode == ResizeOp::Mode::kLongSide;
  return a.mode == b.mode && a.width == b.width && (one_side || a.height == b.height);
}

/// [resize(short_side=256) | resize(short_side=256)] => [resize(short_side=256)]: the second finds the picture at its size
/// already, whichever filter it names. Resizes to different sizes are not merged: their rounding would differ.
std::optional<Simplification> simplify(const LogicalPipeline& pipeline, const RuleContext& /*context*/) {
  const ResizeOp* earlier = nullptr;
  for (std::size_t i = 0; i < pipeline.operators.size(); ++i) {
    const Operator& op = pipeline.operators[i];
    if (is_pointwise(op)) continue;  // keeps the size
    const auto* resize = std::get_if<ResizeOp>(&op);
    if (resize != nullptr && earlier != nullptr && same_size(*earlier, *resize)) {
      Simplification result{pipeline, to_string(Operator{*earlier}) + " | " + to_string(op), to_string(Operator{*earlier})};
      result.pipeline.operators.erase(result.pipeline.operators.begin() + static_cast<std::ptrdiff_t>(i));
      return result;
    }
    earlier = resize;
  }
  return std::nullopt;
}

}  // namespace

ExactRule resize_once() { return {"resize_once", "a second resize to the same size is dropped", simplify, nullptr}; }

}  // namespace smol::rule
