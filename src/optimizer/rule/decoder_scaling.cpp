#include <algorithm>
#include <cstdio>

#include "optimizer/op_cost.h"
#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// The final resize keeps at least this factor to shrink: less lets the decoder's coarser filter show.
constexpr double kQualityHeadroom = 2.0;
/// Below this the decoder would deliver fewer pixels than are wanted.
constexpr double kLeastHeadroom = 1.0;

/// How much the resize shrinks the typical picture; 0 when it does not average what it skips (then a scaled source gives
/// another picture altogether) or is not part of the first fused step, which knows fractional source boxes.
double shrink_of(const PhysicalPipeline& form, const ImageHeader& typical) {
  const FusedStep* fused = leading_fused_step(form, is_resize);
  if (fused == nullptr) return 0;
  Size size = typical.oriented_size();
  for (const Operator& op : fused->operators) {
    const Size before = size;
    size = size_after(op, before);
    const auto* resize = std::get_if<ResizeOp>(&op);
    if (resize == nullptr) continue;
    if (!resize->antialias || resize->filter == Filter::kNearest) return 0;
    return std::min(static_cast<double>(before.width) / std::max(1, size.width),
                    static_cast<double>(before.height) / std::max(1, size.height));
  }
  return 0;
}

/// The largest denominator that leaves `headroom`, or 1.
int largest_denominator(const std::vector<int>& denominators, double shrink, double headroom) {
  int largest = 1;
  for (const int denominator : denominators) {
    if (shrink / denominator >= headroom) largest = std::max(largest, denominator);
  }
  return largest;
}

/// decode(scale=1/1) | [resize(short_side=256) ..] of a 12-megapixel picture => decode(scale=1/4) | [the same, from a
/// source box in fractional pixels]. With 2x left to shrink it looks exact, with 1x to 2x it is cheaper still.
std::vector<Alternative> alternatives(const PhysicalPipeline& form, const RuleContext& context) {
  if (form.decode.scale_denominator != 1) return {};
  const double shrink = shrink_of(form, context.typical);
  std::vector<Alternative> result;
  int last = 1;
  for (const double headroom : {kQualityHeadroom, kLeastHeadroom}) {
    const int denominator = largest_denominator(context.codec.scale_denominators, shrink, headroom);
    if (denominator == last) continue;
    last = denominator;
    char note[96];
    std::snprintf(note, sizeof note, "decode at 1/%d, %.2fx left to shrink (%s)", denominator, shrink / denominator,
                  headroom == kQualityHeadroom ? "quality: at least 2x" : "cheaper: less than 2x");
    PhysicalPipeline scaled = form;
    scaled.decode.scale_denominator = denominator;
    scaled.label = FidelityLabel::kLossy;
    result.push_back({std::move(scaled), "scale" + std::to_string(denominator), note});
  }
  return result;
}

}  // namespace

ChoiceRule decoder_scaling() {
  return {"decoder_scaling", "the decoder shrinks by a power of two before the resize", alternatives};
}

}  // namespace smol::rule
