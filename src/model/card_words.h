#pragma once
#include <string>
#include <string_view>

#include "smol/model.h"

namespace smol {

/// The words of cards for which the public headers have no parser.
[[nodiscard]] Result<Layout> parse_layout(std::string_view word);
[[nodiscard]] Result<ColorOrder> parse_color_order(std::string_view word);
[[nodiscard]] Result<Activation> parse_activation(std::string_view word);
[[nodiscard]] std::string_view name_of(Activation activation);
/// The shortest decimal text that reads back as the same float: 123.675, not 123.675003.
[[nodiscard]] std::string text_of(float value);

}  // namespace smol
