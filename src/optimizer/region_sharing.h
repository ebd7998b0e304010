#pragma once
#include <span>

#include "optimizer/op_cost.h"

namespace smol {

/// How several regions of one picture are decoded.
struct RegionSharing {
  bool shared = false;  ///< one decode over the union; else each region on its own
  DecodeNeed together;  ///< the union
  double shared_cost = 0, separate_cost = 0;
};

/// The cheaper of one decode that covers all `needs` and a decode for each. The needs agree on their decode step; there is
/// at least one. Entropy decoding runs down to the last row either way, so separate decodes pay where small regions lie far
/// apart.
[[nodiscard]] RegionSharing choose_region_sharing(const ImageHeader& header, std::span<const DecodeNeed> needs,
                                                  const OpCostWeights& weights = {});

}  // namespace smol
