#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// decode(..) of a video => decode(.., deblocking=reference) | decode(.., deblocking=none). Blocks show, more with each
/// frame that is predicted from an unfiltered one; a resize that shrinks averages much of that away. The paper's
/// section 6.4.
std::vector<Alternative> alternatives(const PhysicalPipeline& form, const RuleContext& context) {
  if (!context.codec.deblocking || form.decode.deblocking != Deblocking::kAll) return {};
  std::vector<Alternative> result;
  for (const Deblocking deblocking : {Deblocking::kReferenceOnly, Deblocking::kNone}) {
    PhysicalPipeline cheaper = form;
    cheaper.decode.deblocking = deblocking;
    cheaper.label = FidelityLabel::kLossy;
    result.push_back({std::move(cheaper), "deblock-" + std::string(name_of(deblocking)),
                      deblocking == Deblocking::kNone
                          ? "no frame is deblocked: errors add up until the next key frame"
                          : "frames that no other is predicted from are not deblocked: errors do not spread"});
  }
  return result;
}

}  // namespace

ChoiceRule skip_deblocking() { return {"skip_deblocking", "the edges of blocks are left unfiltered", alternatives}; }

}  // namespace smol::rule
