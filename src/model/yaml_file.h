#pragma once
#include <string>

#include "smol/result.h"

namespace smol {

/// The text of a model card. A model or a picture in its place is kInvalidArgument, which says what a card is.
[[nodiscard]] Result<std::string> read_card_file(const std::string& path);
/// The text of a preprocessing graph; the same.
[[nodiscard]] Result<std::string> read_graph_file(const std::string& path);

}  // namespace smol
