#pragma once
#include <optional>

#include "smol/session.h"

namespace smol {

/// Cost of each preprocessing step run on its own over whole intermediate pictures, on one thread (the paper's Figure 1).
struct UnfusedCosts {
  std::int64_t items = 0;
  double read_us = 0, decode_us = 0;  ///< means an item; decoding of the whole picture
  double resize_crop_us = 0, convert_normalize_us = 0, layout_us = 0;
  double fused_us = 0;  ///< the plan's own pipeline: decoding and everything after it
};

/// Medians over items and `repeats`. Items that fail, also by `limits`, are left out; an error when none is left.
[[nodiscard]] Result<UnfusedCosts> measure_unfused(const Runtime& runtime, const Plan& plan, Source& source, int repeats,
                                                   const DecodeLimits& limits = {});

/// Microseconds an item takes to and from the device's own memory, batches one at a time; nullopt where the host's memory is
/// the device's.
[[nodiscard]] Result<std::optional<double>> measure_transfer(CompiledPlan& plan, int repeats);

}  // namespace smol
