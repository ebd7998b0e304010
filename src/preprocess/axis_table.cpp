#include "preprocess/axis_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

namespace smol {
namespace {

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

/// Pillow's filters; the expressions are kept in its order so that every double agrees.
double filter_value(Filter filter, double x) {
  switch (filter) {
    case Filter::kNearest:
    case Filter::kBox:
      return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
    case Filter::kBilinear:
      x = std::abs(x);
      return x < 1.0 ? 1.0 - x : 0.0;
    case Filter::kHamming:
      x = std::abs(x);
      if (x == 0.0) return 1.0;
      if (x >= 1.0) return 0.0;
      x *= std::numbers::pi;
      return std::sin(x) / x * (0.54F + 0.46F * std::cos(x));
    case Filter::kBicubic:
      x = std::abs(x);
      if (x < 1.0) return ((-0.5 + 2.0) * x - (-0.5 + 3.0)) * x * x + 1;
      return x < 2.0 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0.0;
    case Filter::kLanczos:
      return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
  }
  return 0.0;
}

double filter_support(Filter filter) {
  constexpr double kSupports[] = {0.0, 0.5, 1.0, 1.0, 2.0, 3.0};
  return kSupports[static_cast<std::size_t>(filter)];
}

/// 22 bits: rounded one by one as Pillow does. 14 bits: rounded so that the sum is kept, else wide filters would
/// drift by more than one grey level.
void quantize(const std::vector<double>& weights, int bits, std::int32_t* coefficients) {
  const double one = static_cast<double>(1 << bits);
  double exact_sum = 0.0;
  std::int32_t rounded_sum = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (bits == 22) {
      coefficients[i] = static_cast<std::int32_t>((weights[i] < 0 ? -0.5 : 0.5) + weights[i] * one);
    } else {
      exact_sum += weights[i] * one;
      coefficients[i] = static_cast<std::int32_t>(std::lround(exact_sum)) - rounded_sum;
      rounded_sum += coefficients[i];
    }
  }
}

double scale_of(const AxisSpec& spec) { return static_cast<double>(spec.box_end - spec.box_begin) / spec.out_size; }
double filter_scale_of(const AxisSpec& spec) { return spec.antialias ? std::max(scale_of(spec), 1.0) : 1.0; }

/// Upper bound of taps an output can have.
int max_taps_of(const AxisSpec& spec) {
  if (spec.is_identity() || spec.filter == Filter::kNearest) return 1;
  const double support = filter_support(spec.filter) * filter_scale_of(spec);
  return std::min(static_cast<int>(std::ceil(support)) * 2 + 1, spec.in_size);
}

/// Stores the taps of the output at oriented position `index`, turned into sensor coordinates.
class TableFiller {
 public:
  TableFiller(const AxisSpec& spec, AxisTable& table) : spec_(spec), table_(table) {}

  void put(int index, Taps taps, const std::vector<double>& weights) {
    const int offset = index - spec_.out_begin;
    const bool reversed = spec_.mirrored && spec_.use == TableUse::kRows;
    const int output = reversed ? table_.num_outputs - 1 - offset : offset;
    std::int32_t* coefficients = &table_.coefficients[static_cast<std::size_t>(output) * table_.max_taps];
    quantize(weights, spec_.coefficient_bits, coefficients);
    if (spec_.mirrored) {
      std::reverse(coefficients, coefficients + taps.count);
      taps.start = spec_.in_size - taps.start - taps.count;
    }
    table_.starts[output] = std::clamp(taps.start, 0, spec_.in_size - 1);
    table_.counts[output] = taps.count;
  }

 private:
  const AxisSpec& spec_;
  AxisTable& table_;
};

void fill_taps(const AxisSpec& spec, AxisTable& table) {
  TableFiller filler(spec, table);
  std::vector<double> weights;
  weights.reserve(static_cast<std::size_t>(table.max_taps));
  AxisWalker walker(spec);
  for (int i = spec.out_begin; i < spec.out_end; ++i) {
    const Taps taps = walker.next(weights);
    filler.put(i, taps, weights);
  }
}

/// The bound on the taps is 1 to 2 above what most sizes use; what is padded to it would be multiplied in vain (measured: a
/// third of the time).
void drop_unused_taps(AxisTable& table) {
  const int used = std::max(*std::max_element(table.counts.begin(), table.counts.end()), 1);
  for (int output = 1; output < table.num_outputs; ++output) {
    const auto from = table.coefficients.begin() + std::ptrdiff_t{output} * table.max_taps;
    std::copy(from, from + used, table.coefficients.begin() + std::ptrdiff_t{output} * used);
  }
  table.max_taps = used;
}

void find_range(AxisTable& table, int in_size) {
  table.first = in_size;
  table.last = 0;
  for (int i = 0; i < table.num_outputs; ++i) {
    table.first = std::min(table.first, table.starts[i]);
    table.last = std::max(table.last, table.starts[i] + std::max(table.counts[i], 1));
  }
}

/// Kernels read max_taps pixels for every output. At the end of the picture, where there are fewer, zeros go in front
/// instead of behind, so that no one reads far past the row.
void keep_taps_inside(AxisTable& table) {
  const int last_start = table.last - table.max_taps;
  for (int i = 0; i < table.num_outputs; ++i) {
    const int shift = table.starts[i] - last_start;
    if (shift <= 0) continue;
    const auto begin = table.coefficients.begin() + std::ptrdiff_t{i} * table.max_taps;
    std::rotate(begin, begin + (table.max_taps - shift), begin + table.max_taps);
    table.starts[i] -= shift;
    table.counts[i] += shift;
  }
}

/// Arithmetic split: low in 0..2047 and high = floor(c / 2048), so that negative coefficients stay exact.
struct SplitCoefficient {
  std::int16_t high, low;
};
inline SplitCoefficient split(const AxisTable& table, int output, int tap) {
  if (output >= table.num_outputs || tap >= table.max_taps) return {0, 0};
  const std::int32_t c = table.coefficients[static_cast<std::size_t>(output) * table.max_taps + tap];
  if (table.coefficient_bits != 22) return {static_cast<std::int16_t>(c), 0};
  return {static_cast<std::int16_t>(c >> 11), static_cast<std::int16_t>(c & 2047)};
}

void pack_rows(AxisTable& table) {
  table.num_chunks = (table.max_taps + 1) / 2;
  table.packed.resize(static_cast<std::size_t>(table.num_outputs) * table.num_chunks * 4);
  std::int16_t* out = table.packed.data();
  for (int output = 0; output < table.num_outputs; ++output) {
    for (int pair = 0; pair < table.num_chunks; ++pair, out += 4) {
      const SplitCoefficient a = split(table, output, 2 * pair), b = split(table, output, 2 * pair + 1);
      out[0] = a.high, out[1] = b.high, out[2] = a.low, out[3] = b.low;
    }
  }
}

/// The pair of one output for all four channels of a pixel.
void put_channels(std::int16_t a, std::int16_t b, std::int16_t* out) {
  const std::int16_t pairs[8] = {a, b, a, b, a, b, a, b};
  std::memcpy(out, pairs, sizeof(pairs));
}

void pack_rgbx_columns(AxisTable& table, int padded_outputs) {
  table.num_chunks = (table.max_taps + 3) / 4;
  table.packed.resize(static_cast<std::size_t>(padded_outputs) * table.num_chunks * 32);
  for (int output = 0; output < padded_outputs; ++output) {
    for (int chunk = 0; chunk < table.num_chunks; ++chunk) {
      std::int16_t* out =
          &table.packed[(static_cast<std::size_t>(output / 4) * table.num_chunks + chunk) * 128 + output % 4 * 8];
      for (int half = 0; half < 2; ++half) {
        const int tap = 4 * chunk + 2 * half;
        const SplitCoefficient a = split(table, output, tap), b = split(table, output, tap + 1);
        put_channels(a.high, b.high, out + 32 * half);
        put_channels(a.low, b.low, out + 64 + 32 * half);
      }
    }
  }
}

/// Fills group_starts; false when some group reaches further than 16 pixels.
bool find_groups(AxisTable& table, int padded_outputs) {
  table.group_starts.clear();
  if (table.max_taps > 4) return false;
  for (int group = 0; group < padded_outputs; group += 4) {
    const auto [low, high] = std::minmax_element(&table.starts[group], &table.starts[group] + 4);
    if (*high + 4 - *low > 16) return false;
    table.group_starts.push_back(*low);
  }
  return true;
}

void pack_permutation(AxisTable& table, int padded_outputs) {
  table.permutation.clear();
  if (!find_groups(table, padded_outputs)) return;
  for (int output = 0; output < padded_outputs; ++output) {
    const std::int32_t relative = table.starts[output] - table.group_starts[output / 4];
    for (int tap = 0; tap < 4; ++tap) table.permutation.push_back(relative + tap);
  }
}

void pack_shuffles(AxisTable& table, int padded_outputs) {
  constexpr std::uint8_t kZero = 0x80;
  table.shuffles.clear();
  if (!find_groups(table, padded_outputs)) return;
  for (int odd = 0; odd < 2; ++odd) {
    for (int output = 0; output < padded_outputs; ++output) {
      const auto first = static_cast<std::uint8_t>(table.starts[output] - table.group_starts[output / 4] + odd);
      table.shuffles.insert(table.shuffles.end(), {first, kZero, static_cast<std::uint8_t>(first + 2), kZero});
    }
  }
}

void pack_gray_columns(AxisTable& table, int padded_outputs) {
  table.num_chunks = (table.max_taps + 3) / 4;
  table.packed.resize(static_cast<std::size_t>(padded_outputs) * table.num_chunks * 8);
  std::int16_t* out = table.packed.data();
  for (int group = 0; group < padded_outputs; group += AxisTable::kOutputsPerGroup) {
    for (int chunk = 0; chunk < table.num_chunks; ++chunk) {
      for (int part = 0; part < 4; ++part) {  // high 02, high 13, low 02, low 13
        for (int i = 0; i < AxisTable::kOutputsPerGroup; ++i, out += 2) {
          const int tap = 4 * chunk + part % 2;
          const SplitCoefficient a = split(table, group + i, tap), b = split(table, group + i, tap + 2);
          out[0] = part < 2 ? a.high : a.low;
          out[1] = part < 2 ? b.high : b.low;
        }
      }
    }
  }
}

}  // namespace

AxisWalker::AxisWalker(const AxisSpec& spec)
    : spec_(spec),
      index_(spec.out_begin),
      scale_(scale_of(spec)),
      support_(filter_support(spec.filter) * filter_scale_of(spec)),
      inverse_filter_scale_(1.0 / filter_scale_of(spec)) {
  if (spec.filter != Filter::kNearest) return;
  // Pillow adds the step up from the first output, so its rounding errors are part of the definition.
  nearest_position_ = spec.box_begin + scale_ * 0.5;
  for (int i = 0; i < spec.out_begin; ++i) nearest_position_ += scale_;
}

/// Pillow's precompute_coeffs.
Taps AxisWalker::resampled(int index, std::vector<double>& weights) const {
  const double center = spec_.box_begin + (index + 0.5) * scale_;
  Taps taps;
  // NOLINTBEGIN(bugprone-incorrect-roundings): Pillow rounds in this way.
  taps.start = std::max(static_cast<int>(center - support_ + 0.5), 0);
  taps.count = std::max(std::min(static_cast<int>(center + support_ + 0.5), spec_.in_size) - taps.start, 0);
  // NOLINTEND(bugprone-incorrect-roundings)
  weights.resize(static_cast<std::size_t>(taps.count));
  double sum = 0.0;
  for (int i = 0; i < taps.count; ++i) {
    weights[i] = filter_value(spec_.filter, (i + taps.start - center + 0.5) * inverse_filter_scale_);
    sum += weights[i];
  }
  if (sum != 0.0) {
    for (double& weight : weights) weight /= sum;
  }
  return taps;
}

Taps AxisWalker::next(std::vector<double>& weights) {
  const int index = index_++;
  const bool identity = spec_.is_identity();
  if (!identity && spec_.filter != Filter::kNearest) return resampled(index, weights);
  weights.assign(1, 1.0);
  if (identity) return {index, 1};
  const int source = static_cast<int>(nearest_position_);
  nearest_position_ += scale_;
  return {std::clamp(source, 0, spec_.in_size - 1), 1};
}

void build_axis_table(const AxisSpec& spec, AxisTable& table) {
  table.num_outputs = spec.out_end - spec.out_begin;
  table.max_taps = max_taps_of(spec);
  table.coefficient_bits = spec.coefficient_bits;
  const int group = spec.use == TableUse::kRows ? 1 : AxisTable::kOutputsPerGroup;
  const int padded_outputs = (table.num_outputs + group - 1) / group * group;
  table.starts.resize(static_cast<std::size_t>(padded_outputs));
  table.counts.resize(static_cast<std::size_t>(table.num_outputs));
  table.coefficients.assign(static_cast<std::size_t>(table.num_outputs) * table.max_taps, 0);
  fill_taps(spec, table);
  drop_unused_taps(table);
  find_range(table, spec.in_size);
  if (spec.use == TableUse::kRows) return pack_rows(table);
  keep_taps_inside(table);
  // The padding computes something harmless from readable pixels.
  std::fill(table.starts.begin() + table.num_outputs, table.starts.end(), table.starts[table.num_outputs - 1]);
  if (spec.use == TableUse::kRgbxColumns) {
    pack_permutation(table, padded_outputs);
    pack_rgbx_columns(table, padded_outputs);
  } else {
    pack_shuffles(table, padded_outputs);
    pack_gray_columns(table, padded_outputs);
  }
}

const AxisTable& AxisTableCache::find_or_build(const AxisSpec& spec) {
  ++uses_;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (!(keys_[i].spec == spec)) continue;
    keys_[i].last_use = uses_;
    return *tables_[i];
  }
  const auto least_used =
      std::min_element(keys_.begin(), keys_.end(), [](const Key& a, const Key& b) { return a.last_use < b.last_use; });
  std::size_t place = static_cast<std::size_t>(least_used - keys_.begin());
  if (keys_.size() < kCapacity) {
    place = keys_.size();
    tables_.push_back(std::make_unique<AxisTable>());
    keys_.emplace_back();
  }
  keys_[place] = {};  // matches nothing while its table is being built
  build_axis_table(spec, *tables_[place]);
  keys_[place] = {spec, uses_};
  return *tables_[place];
}

}  // namespace smol
