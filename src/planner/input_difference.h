#pragma once
#include <vector>

#include "smol/session.h"

namespace smol {

/// How far the DNN's input is from the exact one, in steps of 1/255 of the picture's range.
struct InputDifference {
  double max = 0, mean = 0;
  int num_pictures = 0;
};

/// Compares two pipelines of one model on at most `max_pictures` of `items`; those that cannot be read are passed over.
/// kInvalidArgument when the tensors differ in shape or type.
[[nodiscard]] Result<InputDifference> measure_difference(const Runtime& runtime, const PhysicalPipeline& exact,
                                                         const PhysicalPipeline& other, const std::vector<Item>& items,
                                                         int max_pictures, const DecodeLimits& limits = {});

}  // namespace smol
