#pragma once
#include <span>
#include <string>
#include <vector>

#include "smol/model.h"

namespace smol {

/// Reads one picture's slice of one output tensor as floats, dequantised: value = (q - zero_point) * scale. Thread-safe.
class OutputReader {
 public:
  OutputReader(std::size_t output_index, float scale, int zero_point)
      : output_index_(output_index), scale_(scale), zero_point_(zero_point) {}

  /// Resizes `values` to the slice; its capacity is reused. kInternal when `outputs` lacks the tensor or the picture.
  Status read(std::span<const TensorView> outputs, int index, std::vector<float>& values) const;

 private:
  std::size_t output_index_;
  float scale_;
  int zero_point_;
};

/// Position of the output that the card names; the first when it names none. kNotFound listing the names.
[[nodiscard]] Result<std::size_t> find_output(const ModelCard& card, const std::vector<TensorSpec>& outputs);

}  // namespace smol
