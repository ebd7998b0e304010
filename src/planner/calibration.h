#pragma once
#include <string>
#include <vector>

#include "smol/session.h"

namespace smol {

/// The items that plans are measured on.
struct Calibration {
  std::vector<std::size_t> items;  ///< indices into Dataset::item_ids, ascending
  std::string description;         ///< "64 of 400 items, evenly spaced"
};
/// The dataset's own list, else its fraction, else `wanted` (0: 64) items evenly spaced.
[[nodiscard]] Calibration choose_calibration(const Dataset& dataset, int wanted);
/// The calibration items of one rendition; missing ones carry an error.
[[nodiscard]] std::vector<Item> calibration_items(const Dataset& dataset, const Dataset::Rendition& rendition,
                                                  const Calibration& calibration);

/// What the calibration items of a rendition have in common, from their headers.
struct RenditionFacts {
  const Codec* codec = nullptr;  ///< of most items
  ImageHeader typical;           ///< medians; flags by majority
  std::int64_t num_probed = 0;
};
/// kNotFound or kUnsupported when no item of the rendition can be read.
[[nodiscard]] Result<RenditionFacts> survey(const Runtime& runtime, const std::vector<Item>& items,
                                            const std::string& rendition);

}  // namespace smol
