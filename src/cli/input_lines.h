#pragma once
#include <memory>
#include <stop_token>

#include "smol/source.h"

namespace smol::cli {

/// Items that are named on standard input, as they come.
struct LinesInput {
  Dataset sample;                  ///< the first item alone: what plans are chosen by
  std::unique_ptr<Source> source;  ///< all items, the first included
};
/// Waits for the first item. `separator` ends a name; of N shards only every N-th item is taken, beginning with `shard`.
/// kInvalidArgument when there is none.
[[nodiscard]] Result<LinesInput> open_lines(char separator, int shard, int num_shards, std::stop_token stop);

}  // namespace smol::cli
