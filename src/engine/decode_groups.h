#pragma once
#include <functional>
#include <span>
#include <vector>

#include "optimizer/region_sharing.h"
#include "smol/session.h"

namespace smol {

/// One region of a picture under one plan, with what it asks of the decoder.
struct DecodeJob {
  std::size_t region = 0;
  int plan = 0;
  DecodeNeed need;
};

/// Splits the jobs of one picture, in order of their regions, into those that can share a decoding: equal scale, format and
/// use of regions. Regrouping keeps that order. Each call takes one group from the front of `jobs`.
[[nodiscard]] std::span<DecodeJob> take_group(std::span<DecodeJob>& jobs);
/// The jobs of the first region of a group, taken from its front.
[[nodiscard]] std::span<DecodeJob> take_region(std::span<DecodeJob>& group);
/// Whether the regions of a group share one decoding.
[[nodiscard]] RegionSharing choose_sharing(const ImageHeader& header, std::span<DecodeJob> group);

/// How the regions of a sample would be decoded.
struct RegionSurvey {
  int shared = 0, separate = 0;  ///< pictures and decode steps with several regions
  double cost = 0;               ///< estimated, of decoding them so
  double separate_cost = 0;      ///< if every region was decoded on its own
};
/// Reads headers of items with several regions; those that cannot be read are passed over.
[[nodiscard]] Result<RegionSurvey> survey_regions(const Runtime& runtime, std::span<const Plan> plans,
                                                  std::span<const Item> items);

}  // namespace smol
