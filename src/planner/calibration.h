#pragma once
#include <string>
#include <vector>

#include "smol/session.h"

namespace smol {

/// The items that plans are measured on, and those that had no part in the choice.
struct Calibration {
  std::vector<std::size_t> items;     ///< indices into Dataset::item_ids, ascending
  std::string description;            ///< "200 of 400 items, evenly spaced"
  std::vector<std::size_t> held_out;  ///< indices, ascending; disjoint from `items`; may be empty
  std::string held_out_description;   ///< "200 of the other 200 items"; empty when there are none
};
/// The dataset's own list, else its fraction, else `wanted` items evenly spaced (0: half of the items, at most 256, all of
/// fewer than 32). Of a dataset with labels only labelled items count. Held out are at most 256 of the others.
[[nodiscard]] Calibration choose_calibration(const Dataset& dataset, int wanted);
/// Chosen items of one rendition; missing ones carry an error.
[[nodiscard]] std::vector<Item> items_of(const Dataset& dataset, const Dataset::Rendition& rendition,
                                         const std::vector<std::size_t>& indices);
/// The calibration items of one rendition.
[[nodiscard]] inline std::vector<Item> calibration_items(const Dataset& dataset, const Dataset::Rendition& rendition,
                                                         const Calibration& calibration) {
  return items_of(dataset, rendition, calibration.items);
}

/// What the rates of a rendition are measured with: its calibration items; of videos whole work units of consecutive items,
/// evenly spaced, as a run reads them.
[[nodiscard]] std::vector<Item> rate_items(const Dataset& dataset, const Dataset::Rendition& rendition,
                                           const Calibration& calibration);

/// What the calibration items of a rendition have in common, from their headers.
struct RenditionFacts {
  std::string codec_name;  ///< of most items; of frames the video's: "h264"
  CodecCapabilities codec;
  ImageHeader typical;  ///< medians; flags by majority
  std::int64_t num_probed = 0;
};
/// kNotFound or kUnsupported when no item of the rendition can be read.
[[nodiscard]] Result<RenditionFacts> survey(const Runtime& runtime, const std::vector<Item>& items,
                                            const std::string& rendition);

}  // namespace smol
