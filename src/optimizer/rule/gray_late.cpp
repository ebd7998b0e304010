#include <algorithm>

#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// decode(format=rgbx8) | [resize(..) | .. | layout(NCHW)] => decode(format=gray8) | [the same]: where every picture is
/// gray, one channel is decoded and resized and copied to three in the last pass. Three equal channels resize equally.
std::vector<PhysicalPipeline> neighbours(const PhysicalPipeline& form, const RuleContext& context) {
  const auto& formats = context.codec.formats;
  const bool delivers_gray = std::find(formats.begin(), formats.end(), PixelFormat::kGray8) != formats.end();
  if (!context.all_gray || !delivers_gray || num_channels(form.decode.format) == 1) return {};
  // Only a fused step copies to three channels as it writes; other steps take colour pictures.
  if (form.host_steps.size() != 1 || !std::holds_alternative<FusedStep>(form.host_steps.front())) return {};
  PhysicalPipeline gray = form;
  gray.decode.format = PixelFormat::kGray8;
  return {gray};
}

}  // namespace

ExactRule gray_late() { return {"gray_late", "gray pictures stay one channel until the last pass", nullptr, neighbours}; }

}  // namespace smol::rule
