#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// decode() | [resize(short_side=256) | center_crop(224x224)] => decode(region=true, early_stop=true) | [...]: only the
/// blocks under the crop (and its filter support) are decoded, and nothing below its last row.
std::vector<PhysicalPipeline> neighbours(const PhysicalPipeline& form, const RuleContext& context) {
  const bool pushed = form.decode.region || form.decode.early_stop;
  if (pushed || (!context.codec.region && !context.codec.early_stop)) return {};
  if (leading_fused_step(form, is_crop) == nullptr) return {};  // the first step wants the whole picture
  PhysicalPipeline narrowed = form;
  narrowed.decode.region = context.codec.region;
  narrowed.decode.early_stop = context.codec.early_stop;
  return {narrowed};
}

}  // namespace

ExactRule push_region_into_decoder() {
  return {"push_region_into_decoder", "only what the first crop keeps is decoded", nullptr, neighbours};
}

}  // namespace smol::rule
