#include <array>

#include "smol/backend.h"

namespace smol {
namespace {
constexpr std::array<std::string_view, 4> kPrecisionNames{"f32", "bf16", "f16", "as_stored"};
}

std::string_view name_of(Precision precision) { return kPrecisionNames.at(static_cast<std::size_t>(precision)); }

Result<Precision> parse_precision(std::string_view name) {
  for (std::size_t i = 0; i < kPrecisionNames.size(); ++i) {
    if (kPrecisionNames[i] == name) return static_cast<Precision>(i);
  }
  return Error{ErrorCode::kInvalidArgument, "precision must be one of f32, bf16, f16, as_stored: " + std::string(name)};
}

}  // namespace smol
