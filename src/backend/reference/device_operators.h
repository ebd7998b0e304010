#pragma once
#include <vector>

#include "smol/backend.h"

namespace smol {

/// Device operators in plain scalar code, for the reference backend: what the host wrote → what the model takes.
/// Thread-safe.
class DeviceOperators {
 public:
  /// kUnsupported for operators other than convert, normalize, color and layout; kInvalidArgument when the chain does not
  /// end in `model_input`.
  [[nodiscard]] static Result<DeviceOperators> create(const OutputSpec& host_output, const std::vector<Operator>& operators,
                                                      const OutputSpec& model_input);

  /// One picture; `to` has room for the model's input.
  void apply(const void* from, void* to) const;

 private:
  DeviceOperators() = default;

  OutputSpec host_output_, model_input_;
  std::vector<Operator> operators_;
};

}  // namespace smol
