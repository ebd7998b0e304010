#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "smol/preprocess.h"

namespace smol::test {

/// A picture and a chain of operators in text form.
struct OracleCase {
  Size size;  ///< 0x0: `path` is a picture file
  int channels = 3;
  Orientation orientation = Orientation::kNormal;
  std::string operators;               ///< "orient() | resize(short_side=256, filter=bilinear)"
  std::vector<std::uint8_t> pixels;    ///< interleaved, filled by random_pixels()
  std::vector<std::uint8_t> expected;  ///< interleaved, filled by run_oracle()
  std::string path;
};

/// Noise over a gradient, the same for the same seed.
[[nodiscard]] std::vector<std::uint8_t> random_pixels(Size size, int channels, unsigned seed);
/// Lets Pillow compute `expected` of all cases in one Python process. False when it fails.
[[nodiscard]] bool run_oracle(std::vector<OracleCase>& cases);
[[nodiscard]] std::vector<Operator> parse_operators(const std::string& text);
[[nodiscard]] PhysicalPipeline fused_pipeline(const std::string& operators);
/// First difference as text, or empty.
[[nodiscard]] std::string difference(const std::vector<std::uint8_t>& got, const std::vector<std::uint8_t>& expected);

/// Memory of one tensor.
struct Tensor {
  explicit Tensor(const OutputSpec& spec);
  [[nodiscard]] const float* floats() const { return reinterpret_cast<const float*>(bytes.data()); }
  std::vector<std::uint8_t> bytes;
  TensorSlot slot;
};

}  // namespace smol::test
