#include "optimizer/region_sharing.h"

#include "preprocess/decode_request.h"

namespace smol {
namespace {

/// The shared part is written once and read by the regions, which rows on their way through a cache are not.
double keeping_cost(const DecodeNeed& need, const ImageHeader& header, const OpCostWeights& weights) {
  const double denominator = need.decode.scale_denominator;
  const double area = need.pixels && need.decode.region ? static_cast<double>(need.pixels->width) * need.pixels->height
                                                        : header.width / denominator * (header.height / denominator);
  return 2 * area * bytes_per_pixel(need.decode.format) * weights.memory_byte;
}

}  // namespace

RegionSharing choose_region_sharing(const ImageHeader& header, std::span<const DecodeNeed> needs,
                                    const OpCostWeights& weights) {
  RegionSharing sharing;
  sharing.together = needs.front();
  for (const DecodeNeed& need : needs) {
    sharing.separate_cost += price(count_decode(need.decode, header, need.pixels), weights).total();
    std::optional<Rect>& all = sharing.together.pixels;
    all = all && need.pixels ? std::optional<Rect>(united(*all, *need.pixels)) : std::nullopt;
  }
  sharing.shared_cost = price(count_decode(sharing.together.decode, header, sharing.together.pixels), weights).total() +
                        keeping_cost(sharing.together, header, weights);
  sharing.shared = needs.size() > 1 && sharing.shared_cost <= sharing.separate_cost;
  return sharing;
}

}  // namespace smol
