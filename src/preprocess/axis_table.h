#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "smol/preprocess.h"

namespace smol {

/// Which kernel reads a table: the packed form differs.
enum class TableUse : std::uint8_t {
  kRows,         ///< combines whole rows, along the sensor's y
  kRgbxColumns,  ///< combines neighbouring pixels of 4 bytes, along the sensor's x
  kGrayColumns,  ///< the same for pixels of 1 byte
};

/// A resize along one axis of the oriented picture; also the key of the cache.
struct AxisSpec {
  int in_size = 0;                   ///< pixels the filter may read
  float box_begin = 0, box_end = 0;  ///< the part of them that is resized; fractional after decoder scaling
  int out_size = 0;                  ///< length of the whole resized axis
  int out_begin = 0, out_end = 0;    ///< the part of it that is wanted
  Filter filter = Filter::kBilinear;
  bool antialias = true;
  bool mirrored = false;  ///< the sensor's axis runs against the oriented one
  int coefficient_bits = 22;
  TableUse use = TableUse::kRows;

  /// Nothing to resample: Pillow skips the pass.
  [[nodiscard]] bool is_identity() const {
    return in_size == out_size && box_begin == 0.0F && box_end == static_cast<float>(in_size);
  }
  friend bool operator==(const AxisSpec&, const AxisSpec&) = default;
};

/// Filter coefficients of one axis in sensor coordinates, with Pillow's values. Source index 0 is the first pixel the
/// filter may read. For kRows the outputs are sorted as the sensor delivers rows (reversed when mirrored); for columns
/// they are in output order.
struct AxisTable {
  static constexpr int kOutputsPerGroup = 16;  ///< column outputs are padded to a multiple of this

  int num_outputs = 0;
  int max_taps = 0;
  int coefficient_bits = 22;
  int first = 0, last = 0;                 ///< source range [first, last) that has any influence
  std::vector<std::int32_t> starts;        ///< first source index of each output; padded like the outputs
  std::vector<std::int32_t> counts;        ///< taps of each output
  std::vector<std::int32_t> coefficients;  ///< [output][max_taps], zero past the count

  /// For SIMD: 16-bit coefficients in pairs, each split as high * 2^11 + low (14 bits: high alone).
  /// kRows         [output][pair]{high c0 c1, low c0 c1}
  /// kRgbxColumns  [4 outputs][chunk]{high 01, high 23, low 01, low 23} of [output][channel]{c0 c1}
  /// kGrayColumns  [16 outputs][chunk]{high 02, high 13, low 02, low 13} of [output]{c0 c2 / c1 c3}
  std::vector<std::int16_t> packed;
  int num_chunks = 0;  ///< pairs of taps for kRows, groups of 4 taps for columns

  /// Columns where up to 4 taps of every 4 outputs lie within 16 pixels: one load and one permutation fetch them all. Empty
  /// otherwise.
  std::vector<std::int32_t> group_starts;  ///< [4 outputs] first pixel
  std::vector<std::int32_t> permutation;   ///< kRgbxColumns [4 outputs][output][tap] pixel relative to it
  std::vector<std::uint8_t> shuffles;      ///< kGrayColumns [even, odd taps][4 outputs][output]{tap, zero, tap + 2, zero}
};

/// The source pixels that make one output, in oriented coordinates.
struct Taps {
  int start = 0, count = 0;
};
/// Walks the wanted outputs of an axis in oriented order, with Pillow's weights in double precision (1 tap for nearest and
/// where nothing is resampled).
class AxisWalker {
 public:
  explicit AxisWalker(const AxisSpec& spec);
  /// Taps of the next output.
  Taps next(std::vector<double>& weights);

 private:
  Taps resampled(int index, std::vector<double>& weights) const;

  const AxisSpec& spec_;
  int index_;
  double scale_, support_, inverse_filter_scale_;
  double nearest_position_ = 0;
};

/// Fills `table`, reusing its memory.
void build_axis_table(const AxisSpec& spec, AxisTable& table);

/// The last tables that were used; building two costs about 5 % of preprocessing a thumbnail. Not thread-safe.
class AxisTableCache {
 public:
  /// Valid until `kCapacity` further different specifications have been asked for.
  const AxisTable& find_or_build(const AxisSpec& spec);

 private:
  static constexpr std::size_t kCapacity = 64;  // about 2 MB for 224 outputs; collections have few sizes
  struct Key {
    AxisSpec spec;
    std::uint64_t last_use = 0;
  };
  std::vector<Key> keys_;  // apart from the tables, so that a search touches little memory
  std::vector<std::unique_ptr<AxisTable>> tables_;
  std::uint64_t uses_ = 0;
};

}  // namespace smol
