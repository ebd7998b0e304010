#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "smol/backend.h"

namespace smol {

/// A "model" whose answers are the same bits on every machine: a small YAML file (.refmodel).
///   format: 1
///   kind: projection        # logits: a seeded projection of an 8 x 8 grid of channel means; or mean: the channel means
///   input: {name: input, dtype: u8, layout: NHWC, width: 224, height: 224, channels: 3}
///   classes: 10             # projection only
///   seed: 1
///   delay_us: 0             # sleep in every inference
///   fail_every: 0           # every n-th inference of an instance fails
///   max_batch: 0            # refuses larger batches, as networks do that cannot be batched; 0 = any
/// Immutable and thread-safe.
class ReferenceModel {
 public:
  /// kNotFound, kInvalidArgument with line and key.
  [[nodiscard]] static Result<ReferenceModel> load(const std::string& path);

  /// What one picture looks like to the model.
  [[nodiscard]] const OutputSpec& picture() const { return picture_; }
  /// Specifications with an open batch.
  [[nodiscard]] const TensorSpec& input() const { return input_; }
  [[nodiscard]] const TensorSpec& output() const { return output_; }
  [[nodiscard]] int delay_us() const { return delay_us_; }
  [[nodiscard]] int fail_every() const { return fail_every_; }
  [[nodiscard]] int max_batch() const { return max_batch_; }

  /// One picture (dense, of input()'s type and layout) → its output values. Integer arithmetic in a fixed order.
  void infer(const void* picture, float* output) const;

 private:
  static constexpr int kGrid = 8;

  /// Mean of every channel in every grid cell, 16 fractional bits; channels outermost.
  [[nodiscard]] std::vector<std::int64_t> cell_means(const void* picture, int grid) const;

  bool projects_ = true;
  OutputSpec picture_;
  TensorSpec input_, output_;
  std::uint64_t seed_ = 1;
  int delay_us_ = 0, fail_every_ = 0, max_batch_ = 0;
};

}  // namespace smol
