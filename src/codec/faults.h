#pragma once
/// How bad something odd in a file is, and what the caller's strictness makes of it.

#include <string_view>

#include "smol/codec.h"

namespace smol {

enum class Fault : std::uint8_t {
  kHarmless,   ///< every pixel is right
  kRecovered,  ///< an error that can be papered over; the pixels may be wrong
  kFatal,      ///< an error that only FailOn::kNone papers over
};

/// Counts faults and fails where the caller is stricter than them.
class Faults {
 public:
  /// `format` as messages call it ("PNG"), static storage.
  Faults(FailOn fail_on, std::string_view format) : fail_on_(fail_on), format_(format) {}
  /// kCorrupt where the caller does not put up with it.
  Status note(Fault fault, std::string_view what);
  [[nodiscard]] FailOn fail_on() const { return fail_on_; }
  [[nodiscard]] std::string_view format() const { return format_; }
  [[nodiscard]] int warnings() const { return warnings_; }
  [[nodiscard]] bool recovered() const { return recovered_; }

 private:
  FailOn fail_on_;
  std::string_view format_;
  int warnings_ = 0;
  bool recovered_ = false;
};

/// "PNG is corrupt: what"
[[nodiscard]] Error corrupt_error(std::string_view format, std::string_view what);
/// "PNG ends inside its header; ..."
[[nodiscard]] Error header_truncated_error(std::string_view format);

}  // namespace smol
