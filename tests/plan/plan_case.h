#pragma once
#include <string>
#include <vector>

#include "optimizer/optimizer.h"

namespace smol::test {

/// One case of a .plan file: what the optimizer is told, and what it is to explain. Header lines are `key: value`:
///   codec: name=NAME scales=1,2,4,8 region early_stop planar thumbnails formats=rgbx8,gray8    (formats default to
///   rgbx8,rgb8) typical: 500x375 bytes=129000 chroma=2x2 progressive gray orientation=6 thumbnail=160x120/5000 (size/bytes)
///   all: gray upright                    facts that hold for every picture
///   backend: device_operators separate_memory
///   allow_lossy: false
///   disable: RULE, RULE
///   user: NAME operations=N commutes     an operator that `user(NAME)` finds
///   logical: OPERATOR | OPERATOR | ...
/// Lines that begin with # are comments. `----` ends the header; the expected text follows up to `====` or the end.
struct PlanCase {
  std::string header;  ///< as written, for rewriting the file
  OptimizerInput input;
  std::string expected;
};

/// kInvalidArgument names the line.
[[nodiscard]] Result<std::vector<PlanCase>> parse_plan_cases(const std::string& text);

}  // namespace smol::test
