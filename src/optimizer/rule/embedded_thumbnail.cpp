#include <cstdio>

#include "optimizer/rule.h"
#include "preprocess/thumbnail.h"

namespace smol::rule {
namespace {

/// decode() | [orient | resize(short_side=224) ..] of a photograph that carries a thumbnail of 160x120 =>
/// decode(thumbnail=true) | [the same, which enlarges it]. Pictures without one, or whose thumbnail cannot stand in for
/// them, are decoded whole.
std::vector<Alternative> alternatives(const PhysicalPipeline& form, const RuleContext& context) {
  const DecodeStep& decode = form.decode;
  if (!context.codec.embedded_thumbnails || decode.thumbnail || decode.scale_denominator != 1) return {};
  const auto* fused = std::get_if<FusedStep>(&form.host_steps.front());
  if (fused == nullptr || decode.format == PixelFormat::kYcc8Planar) return {};
  const std::optional<ImageHeader> thumbnail = usable_thumbnail(context.typical, fused->operators);
  if (!thumbnail) return {};
  PhysicalPipeline small = form;
  small.decode.thumbnail = true;
  small.label = FidelityLabel::kLossy;
  char note[96];
  std::snprintf(note, sizeof note, "most pictures carry a thumbnail, typically %dx%d; others are decoded whole",
                thumbnail->width, thumbnail->height);
  return {{std::move(small), "thumbnail", note}};
}

}  // namespace

ChoiceRule embedded_thumbnail() {
  return {"embedded_thumbnail", "the thumbnail that a picture carries stands in for it", alternatives};
}

}  // namespace smol::rule
