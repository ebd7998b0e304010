#pragma once
#include <span>
#include <string>
#include <string_view>

namespace smol {

/// The allowed word that `word` was probably meant to be; empty when none is near.
[[nodiscard]] std::string_view nearest_word(std::string_view word, std::span<const std::string> allowed);
/// "unknown key 'reszie', did you mean 'resize'? Allowed: crop, resize".
[[nodiscard]] std::string unknown_word(std::string_view what, std::string_view word, std::span<const std::string> allowed);

}  // namespace smol
