#include "model/card_words.h"

#include <fmt/format.h>

#include <array>

namespace smol {
namespace {

constexpr std::array<std::string_view, 6> kTaskNames{"classification", "detection", "segmentation",
                                                     "embedding",      "depth",     "raw"};
constexpr std::array<std::string_view, 3> kActivationNames{"none", "softmax", "sigmoid"};

/// The value whose name is `word`, out of those numbered from 0.
template <typename T, std::size_t kCount>
Result<T> parse_word(std::string_view what, const std::array<std::string_view, kCount>& names, std::string_view word) {
  std::string allowed;
  for (std::size_t i = 0; i < kCount; ++i) {
    if (names[i] == word) return static_cast<T>(i);
    allowed += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  return Error{ErrorCode::kInvalidArgument, std::string(what) + " must be one of " + allowed + ": " + std::string(word)};
}

}  // namespace

std::string_view name_of(Task task) { return kTaskNames.at(static_cast<std::size_t>(task)); }
Result<Task> parse_task(std::string_view name) { return parse_word<Task>("task", kTaskNames, name); }

std::string_view name_of(Activation activation) { return kActivationNames.at(static_cast<std::size_t>(activation)); }
Result<Activation> parse_activation(std::string_view word) {
  return parse_word<Activation>("activation", kActivationNames, word);
}

std::string text_of(float value) { return fmt::format("{}", value); }

Result<Layout> parse_layout(std::string_view word) {
  return parse_word<Layout>("layout", std::array{name_of(Layout::kNHWC), name_of(Layout::kNCHW)}, word);
}

Result<ColorOrder> parse_color_order(std::string_view word) {
  return parse_word<ColorOrder>(
      "colour order", std::array{name_of(ColorOrder::kRGB), name_of(ColorOrder::kBGR), name_of(ColorOrder::kGray)}, word);
}

}  // namespace smol
