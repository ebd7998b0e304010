// The kernels for x86 vector sets, compiled once for each by Highway. Every set works in blocks of 16 bytes; `blocks` below
// is how many a vector holds (1, 2 or 4). Other architectures run the scalar kernels.
#include <cstring>

#include "preprocess/kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "preprocess/kernels_simd.cpp"
// SSSE3 and the Ice Lake set would double the code for no machine or no gain.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
HWY_BEFORE_NAMESPACE();
namespace smol::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Bytes = hn::ScalableTag<std::uint8_t>;
using Words = hn::ScalableTag<std::int16_t>;
using Ints = hn::ScalableTag<std::int32_t>;
using Floats = hn::ScalableTag<float>;
using Block = hn::Full128<std::uint8_t>;
using IntVector = hn::Vec<Ints>;
using ByteVector = hn::Vec<Bytes>;

constexpr int kBlocks = static_cast<int>(HWY_LANES(std::uint8_t)) / 16;
constexpr int kLowBits = 11;  // of a 22-bit coefficient

// ---- Building blocks ----

HWY_INLINE hn::Vec128<std::uint8_t> pack_words(hn::Vec128<std::int16_t> a, hn::Vec128<std::int16_t> b) {
  return hn::Vec128<std::uint8_t>{_mm_packus_epi16(a.raw, b.raw)};
}
#if HWY_TARGET <= HWY_AVX2
HWY_INLINE hn::Vec256<std::uint8_t> pack_words(hn::Vec256<std::int16_t> a, hn::Vec256<std::int16_t> b) {
  return hn::Vec256<std::uint8_t>{_mm256_packus_epi16(a.raw, b.raw)};
}
#endif
#if HWY_TARGET <= HWY_AVX3
HWY_INLINE hn::Vec512<std::uint8_t> pack_words(hn::Vec512<std::int16_t> a, hn::Vec512<std::int16_t> b) {
  return hn::Vec512<std::uint8_t>{_mm512_packus_epi16(a.raw, b.raw)};
}
#endif

/// Saturates to 0..255; in each block the four inputs' lanes follow each other.
template <class D32, class V = hn::Vec<D32>>
HWY_INLINE auto pack_ints(D32 /*d32*/, V a, V b, V c, V d) {
  const hn::Repartition<std::int16_t, D32> words;
  return pack_words(hn::ReorderDemote2To(words, a, b), hn::ReorderDemote2To(words, c, d));
}

/// pmaddwd: products of 16-bit pairs, added.
HWY_INLINE IntVector multiply_pairs(hn::Vec<Words> a, hn::Vec<Words> b) {
  const Ints ints;
  IntVector unused = hn::Zero(ints);
  return hn::ReorderWidenMulAccumulate(ints, a, b, hn::Zero(ints), unused);
}

/// How the sums are formed. kSplit: 22-bit coefficients in two halves. kDot: vpdpwssd multiplies and adds in one
/// instruction.
template <bool kSplitValue, bool kDotValue>
struct Arithmetic {
  static constexpr bool kSplit = kSplitValue, kDot = kDotValue;
};

/// sum + products of 16-bit pairs.
template <class A>
HWY_INLINE IntVector add_products(IntVector sum, hn::Vec<Words> a, hn::Vec<Words> b) {
#if HWY_TARGET == HWY_AVX3
  if constexpr (A::kDot) {
    // Written as assembly because the intrinsic would need every caller compiled for AVX512_VNNI.
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "vm"(b.raw));
    return sum;
  }
#endif
  return hn::Add(sum, multiply_pairs(a, b));
}

/// high * 2^11 + low, rounded and shifted down; `low` already holds the rounding term.
template <class A>
HWY_INLINE IntVector finish_sum(IntVector high, IntVector low) {
  if constexpr (A::kSplit) return hn::ShiftRight<22>(hn::Add(hn::ShiftLeft<kLowBits>(high), low));
  return hn::ShiftRight<14>(hn::Add(high, low));
}

/// Saturates to 0..255.
HWY_INLINE void store_bytes(IntVector values, std::uint8_t* output) {
  const hn::Rebind<std::uint8_t, Ints> quarter;
  hn::StoreU(hn::DemoteTo(quarter, values), quarter, output);
}

template <class A>
HWY_INLINE IntVector rounding_term() {
  return hn::Set(Ints(), A::kSplit ? 1 << 21 : 1 << 13);
}

/// 16 bytes from each of kBlocks places: from pixel number starts[i] + tap on.
template <int kPixelBytes>
HWY_INLINE ByteVector load_blocks(const std::uint8_t* base, const std::int32_t* starts, int tap) {
  const Block block;
  const auto at = [&](int i) HWY_ATTR { return hn::LoadU(block, base + (std::ptrdiff_t{starts[i]} + tap) * kPixelBytes); };
#if HWY_TARGET == HWY_SSE4
  return at(0);
#elif HWY_TARGET == HWY_AVX2
  return hn::Combine(Bytes(), at(1), at(0));
#else
  const hn::Half<Bytes> half;
  return hn::Combine(Bytes(), hn::Combine(half, at(3), at(2)), hn::Combine(half, at(1), at(0)));
#endif
}

// ---- Columns of 4-byte pixels ----

enum class TapCount { kUpTo2, kUpTo4, kMany };

/// Four pixels for each of kBlocks outputs from `output` on, beginning with tap number `tap`.
template <bool kPermute>
HWY_INLINE ByteVector load_pixels(const std::uint8_t* base, const AxisTable& table, int output, int tap) {
#if HWY_TARGET <= HWY_AVX3
  if constexpr (kPermute) {
    const Ints ints;
    const auto all = hn::BitCast(ints, hn::LoadU(Bytes(), base + std::ptrdiff_t{table.group_starts[output / 4]} * 4));
    const auto order = hn::IndicesFromVec(ints, hn::LoadU(ints, &table.permutation[output * 4]));
    return hn::BitCast(Bytes(), hn::TableLookupLanes(all, order));
  }
#endif
  return load_blocks<4>(base, table.starts.data() + output, tap);
}

/// RGBX RGBX RGBX RGBX of a block as 16-bit pairs: channels of pixels 0 and 1 (`second` false), or 2 and 3.
HWY_INLINE hn::Vec<Words> pixel_pairs(ByteVector pixels, bool second) {
  alignas(16) static constexpr std::uint8_t kFirst[16] = {0, 128, 4, 128, 1, 128, 5, 128, 2, 128, 6, 128, 3, 128, 7, 128};
  alignas(16) static constexpr std::uint8_t kSecond[16] = {8,  128, 12, 128, 9,  128, 13, 128,
                                                           10, 128, 14, 128, 11, 128, 15, 128};
  const ByteVector order = hn::LoadDup128(Bytes(), second ? kSecond : kFirst);
  return hn::BitCast(Words(), hn::TableLookupBytesOr0(pixels, order));
}

/// The sums of kBlocks neighbouring outputs (4 channels each) for each row.
template <int kRows, TapCount kTaps, bool kPermute, class A>
HWY_INLINE void sum_columns(const std::uint8_t* const* bases, const AxisTable& table, int output, IntVector* sums) {
  const Words words;
  IntVector high[kRows], low[kRows];
  for (int r = 0; r < kRows; ++r) {
    high[r] = hn::Zero(Ints());
    low[r] = rounding_term<A>();
  }
  const int chunks = kTaps == TapCount::kMany ? table.num_chunks : 1;
  const std::int16_t* packed = table.packed.data() + std::ptrdiff_t{output / 4} * chunks * 128 + output % 4 * 8;
  for (int chunk = 0; chunk < chunks; ++chunk, packed += 128) {
    for (int r = 0; r < kRows; ++r) {
      const ByteVector pixels = load_pixels<kPermute>(bases[r], table, output, 4 * chunk);
      const auto first = pixel_pairs(pixels, false);
      high[r] = add_products<A>(high[r], first, hn::LoadU(words, packed));
      if constexpr (A::kSplit) low[r] = add_products<A>(low[r], first, hn::LoadU(words, packed + 64));
      if constexpr (kTaps != TapCount::kUpTo2) {
        const auto second = pixel_pairs(pixels, true);
        high[r] = add_products<A>(high[r], second, hn::LoadU(words, packed + 32));
        if constexpr (A::kSplit) low[r] = add_products<A>(low[r], second, hn::LoadU(words, packed + 96));
      }
    }
  }
  for (int r = 0; r < kRows; ++r) sums[r] = finish_sum<A>(high[r], low[r]);
}

/// Four vectors of kBlocks RGBX outputs each → 4 * kBlocks bytes in each of three planes.
HWY_INLINE void store_planes(IntVector a, IntVector b, IntVector c, IntVector d, std::uint8_t* output,
                             std::ptrdiff_t plane_stride) {
  // Block l now holds outputs l, l + kBlocks, l + 2 kBlocks, l + 3 kBlocks.
  alignas(16) static constexpr std::uint8_t kByChannel[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  const ByteVector channels = hn::TableLookupBytes(pack_ints(Ints(), a, b, c, d), hn::LoadDup128(Bytes(), kByChannel));
#if HWY_TARGET == HWY_SSE4
  alignas(16) std::uint8_t bytes[16];
  hn::Store(channels, Bytes(), bytes);
  for (int p = 0; p < 3; ++p) std::memcpy(output + p * plane_stride, bytes + 4 * p, 4);
#elif HWY_TARGET == HWY_AVX2
  alignas(32) static constexpr std::int32_t kGather[8] = {0, 4, 1, 5, 2, 6, 3, 7};
  alignas(16) static constexpr std::uint8_t kOrder[16] = {0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15};
  const auto gathered = hn::TableLookupLanes(hn::BitCast(Ints(), channels), hn::SetTableIndices(Ints(), kGather));
  const ByteVector planes = hn::TableLookupBytes(hn::BitCast(Bytes(), gathered), hn::LoadDup128(Bytes(), kOrder));
  const hn::Full64<std::uint8_t> eight;
  const auto red_green = hn::LowerHalf(Block(), planes);
  hn::StoreU(hn::LowerHalf(eight, red_green), eight, output);
  hn::StoreU(hn::UpperHalf(eight, red_green), eight, output + plane_stride);
  hn::StoreU(hn::LowerHalf(eight, hn::UpperHalf(Block(), planes)), eight, output + 2 * plane_stride);
#else
  alignas(64) static constexpr std::int32_t kGather[16] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  const auto gathered = hn::TableLookupLanes(hn::BitCast(Ints(), channels), hn::SetTableIndices(Ints(), kGather));
  const ByteVector planes = hn::TableLookupBytes(hn::BitCast(Bytes(), gathered), hn::LoadDup128(Bytes(), kByChannel));
  const hn::Half<Bytes> half;
  const auto red_green = hn::LowerHalf(half, planes);
  hn::StoreU(hn::LowerHalf(Block(), red_green), Block(), output);
  hn::StoreU(hn::UpperHalf(Block(), red_green), Block(), output + plane_stride);
  hn::StoreU(hn::LowerHalf(Block(), hn::UpperHalf(half, planes)), Block(), output + 2 * plane_stride);
#endif
}

template <int kRows, TapCount kTaps, bool kPermute, class A>
HWY_INLINE void columns_of_rows(const std::uint8_t* const* rows, int origin, const AxisTable& table,
                                std::uint8_t* const* outputs, std::ptrdiff_t plane_stride) {
  const std::uint8_t* bases[kRows];
  for (int r = 0; r < kRows; ++r) bases[r] = rows[r] - std::ptrdiff_t{origin} * 4;
  const int padded = static_cast<int>(table.starts.size());
  for (int i = 0; i < padded; i += 4 * kBlocks) {
    IntVector sums[4][kRows];
    for (int k = 0; k < 4; ++k) {
      sum_columns<kRows, kTaps, kPermute, A>(bases, table, i + k * kBlocks, sums[k]);
    }
    for (int r = 0; r < kRows; ++r) {
      store_planes(sums[0][r], sums[1][r], sums[2][r], sums[3][r], outputs[r] + i, plane_stride);
    }
  }
}

template <int kRows, class A>
HWY_INLINE void columns_by_taps(const std::uint8_t* const* rows, int origin, const AxisTable& table,
                                std::uint8_t* const* outputs, std::ptrdiff_t plane_stride) {
  const bool permutes = kBlocks == 4 && !table.permutation.empty();
  if (table.max_taps > 4) {
    columns_of_rows<kRows, TapCount::kMany, false, A>(rows, origin, table, outputs, plane_stride);
  } else if (table.max_taps > 2) {
    permutes ? columns_of_rows<kRows, TapCount::kUpTo4, true, A>(rows, origin, table, outputs, plane_stride)
             : columns_of_rows<kRows, TapCount::kUpTo4, false, A>(rows, origin, table, outputs, plane_stride);
  } else {
    permutes ? columns_of_rows<kRows, TapCount::kUpTo2, true, A>(rows, origin, table, outputs, plane_stride)
             : columns_of_rows<kRows, TapCount::kUpTo2, false, A>(rows, origin, table, outputs, plane_stride);
  }
}

template <bool kDot>
void rgbx_columns(const std::uint8_t* const* rows, int num_rows, int origin, const AxisTable& table,
                  std::uint8_t* const* outputs, std::ptrdiff_t plane_stride) {
  using Long = Arithmetic<true, kDot>;
  using Short = Arithmetic<false, kDot>;
  const bool is_long = table.coefficient_bits == 22;
  if (num_rows == 2) {
    is_long ? columns_by_taps<2, Long>(rows, origin, table, outputs, plane_stride)
            : columns_by_taps<2, Short>(rows, origin, table, outputs, plane_stride);
    return;
  }
  is_long ? columns_by_taps<1, Long>(rows, origin, table, outputs, plane_stride)
          : columns_by_taps<1, Short>(rows, origin, table, outputs, plane_stride);
}

// ---- Columns of 1-byte pixels ----

/// Four bytes at each lane's offset.
HWY_INLINE IntVector gather_bytes(const std::uint8_t* base, IntVector offsets) {
  const Ints ints;
#if HWY_TARGET <= HWY_AVX2
  return hn::GatherOffset(ints, reinterpret_cast<const std::int32_t*>(base), offsets);
#else
  alignas(16) std::int32_t lanes[4];
  hn::Store(offsets, ints, lanes);
  for (std::int32_t& lane : lanes) std::memcpy(&lane, base + lane, sizeof(lane));
  return hn::Load(ints, lanes);
#endif
}

template <class A>
HWY_INLINE IntVector sum_gray(const std::uint8_t* base, IntVector offsets, const std::int16_t* packed, int num_chunks) {
  const Words words;
  const Ints ints;
  const IntVector even_bytes = hn::Set(ints, 0x00FF00FF);
  IntVector high = hn::Zero(ints), low = rounding_term<A>();
  for (int chunk = 0; chunk < num_chunks; ++chunk, packed += 128) {
    const IntVector taps = gather_bytes(base, hn::Add(offsets, hn::Set(ints, 4 * chunk)));
    const auto even = hn::BitCast(words, hn::And(taps, even_bytes));
    const auto odd = hn::BitCast(words, hn::And(hn::ShiftRight<8>(taps), even_bytes));
    high = add_products<A>(high, even, hn::LoadU(words, packed));
    high = add_products<A>(high, odd, hn::LoadU(words, packed + 32));
    if constexpr (A::kSplit) {
      low = add_products<A>(low, even, hn::LoadU(words, packed + 64));
      low = add_products<A>(low, odd, hn::LoadU(words, packed + 96));
    }
  }
  return finish_sum<A>(high, low);
}

/// The same where one load a block holds all taps of its four outputs.
template <class A>
HWY_INLINE IntVector sum_gray_in_blocks(const std::uint8_t* base, const AxisTable& table, int output,
                                        const std::int16_t* packed) {
  const Words words;
  const Bytes bytes;
  const ByteVector pixels = load_blocks<1>(base, &table.group_starts[output / 4], 0);
  const std::uint8_t* shuffles = &table.shuffles[output * 4];
  const auto even = hn::BitCast(words, hn::TableLookupBytesOr0(pixels, hn::LoadU(bytes, shuffles)));
  const auto odd =
      hn::BitCast(words, hn::TableLookupBytesOr0(pixels, hn::LoadU(bytes, shuffles + table.shuffles.size() / 2)));
  IntVector high = multiply_pairs(even, hn::LoadU(words, packed)), low = rounding_term<A>();
  high = add_products<A>(high, odd, hn::LoadU(words, packed + 32));
  if constexpr (A::kSplit) {
    low = add_products<A>(low, even, hn::LoadU(words, packed + 64));
    low = add_products<A>(low, odd, hn::LoadU(words, packed + 96));
  }
  return finish_sum<A>(high, low);
}

template <class A>
HWY_INLINE void gray_outputs(const std::uint8_t* row, int origin, const AxisTable& table, std::uint8_t* output) {
  const Ints ints;
  const std::uint8_t* base = row - origin;
  const IntVector base_offset = hn::Set(ints, -origin);
  const bool in_blocks = !table.shuffles.empty();
  const int padded = static_cast<int>(table.starts.size());
  for (int i = 0; i < padded; i += 4 * kBlocks) {
    const std::int16_t* packed = table.packed.data() + std::ptrdiff_t{i / 16} * table.num_chunks * 128 + i % 16 * 2;
    const IntVector sums =
        in_blocks ? sum_gray_in_blocks<A>(base, table, i, packed)
                  : sum_gray<A>(row, hn::Add(hn::LoadU(ints, &table.starts[i]), base_offset), packed, table.num_chunks);
    store_bytes(sums, output + i);
  }
}

template <bool kDot>
void gray_columns(const std::uint8_t* row, int origin, const AxisTable& table, std::uint8_t* output) {
  table.coefficient_bits == 22 ? gray_outputs<Arithmetic<true, kDot>>(row, origin, table, output)
                               : gray_outputs<Arithmetic<false, kDot>>(row, origin, table, output);
}

// ---- Rows ----

/// Bytes of two rows as 16-bit pairs; `Part` picks a quarter of each block.
struct RowPairs {
  hn::Vec<Words> quarters[4];
};
HWY_INLINE RowPairs pair_rows(const std::uint8_t* a, const std::uint8_t* b) {
  const Bytes bytes;
  const Words words;
  const ByteVector upper_row = hn::LoadU(bytes, a), lower_row = hn::LoadU(bytes, b), zero = hn::Zero(bytes);
  const ByteVector lower = hn::InterleaveLower(upper_row, lower_row);
  const ByteVector upper = hn::InterleaveUpper(bytes, upper_row, lower_row);
  return {{hn::BitCast(words, hn::InterleaveLower(lower, zero)), hn::BitCast(words, hn::InterleaveUpper(bytes, lower, zero)),
           hn::BitCast(words, hn::InterleaveLower(upper, zero)),
           hn::BitCast(words, hn::InterleaveUpper(bytes, upper, zero))}};
}

HWY_INLINE hn::Vec<Words> broadcast_pair(const std::int16_t* pair) {
  std::int32_t both;
  std::memcpy(&both, pair, sizeof(both));
  return hn::BitCast(Words(), hn::Set(Ints(), both));
}

template <bool kOnePair, class A>
HWY_INLINE void combine_rows(const std::uint8_t* const* rows, const std::int16_t* packed, int num_pairs,
                             std::uint8_t* result, int num_bytes) {
  const Bytes bytes;
  const int pairs = kOnePair ? 1 : num_pairs;
  for (int x = 0; x < num_bytes; x += 16 * kBlocks) {
    IntVector high[4], low[4];
    for (int q = 0; q < 4; ++q) {
      high[q] = hn::Zero(Ints());
      low[q] = rounding_term<A>();
    }
    for (int pair = 0; pair < pairs; ++pair) {
      const RowPairs samples = pair_rows(rows[2 * pair] + x, rows[2 * pair + 1] + x);
      const auto high_coefficients = broadcast_pair(packed + 4 * pair);
      const auto low_coefficients = broadcast_pair(packed + 4 * pair + 2);
      for (int q = 0; q < 4; ++q) {
        high[q] = add_products<A>(high[q], samples.quarters[q], high_coefficients);
        if constexpr (A::kSplit) low[q] = add_products<A>(low[q], samples.quarters[q], low_coefficients);
      }
    }
    const auto packed_result = pack_ints(Ints(), finish_sum<A>(high[0], low[0]), finish_sum<A>(high[1], low[1]),
                                         finish_sum<A>(high[2], low[2]), finish_sum<A>(high[3], low[3]));
    hn::StoreU(packed_result, bytes, result + x);
  }
}

template <bool kDot>
void rows(const std::uint8_t* const* rows, const AxisTable& table, int output, std::uint8_t* result, int num_bytes) {
  using Long = Arithmetic<true, kDot>;
  using Short = Arithmetic<false, kDot>;
  const int pairs = table.num_chunks;
  const std::int16_t* packed = table.packed.data() + std::ptrdiff_t{output} * pairs * 4;
  const bool is_long = table.coefficient_bits == 22;
  if (pairs == 1) {
    is_long ? combine_rows<true, Long>(rows, packed, pairs, result, num_bytes)
            : combine_rows<true, Short>(rows, packed, pairs, result, num_bytes);
    return;
  }
  is_long ? combine_rows<false, Long>(rows, packed, pairs, result, num_bytes)
          : combine_rows<false, Short>(rows, packed, pairs, result, num_bytes);
}

// ---- Colour ----

void expand_rgb(const std::uint8_t* rgb, std::uint8_t* rgbx, int num_pixels, bool swap) {
  alignas(16) static constexpr std::uint8_t kKeep[16] = {0, 1, 2, 128, 3, 4, 5, 128, 6, 7, 8, 128, 9, 10, 11, 128};
  alignas(16) static constexpr std::uint8_t kSwap[16] = {2, 1, 0, 128, 5, 4, 3, 128, 8, 7, 6, 128, 11, 10, 9, 128};
  const Block block;
  const auto order = hn::Load(block, swap ? kSwap : kKeep);
  for (int i = 0; i < num_pixels; i += 4) {
    hn::StoreU(hn::TableLookupBytesOr0(hn::LoadU(block, rgb + 3 * i), order), block, rgbx + 4 * i);
  }
}

// 38470 exceeds 16 bits, so green takes part in both products with half its weight.
using BlockInts = hn::Full128<std::int32_t>;
using BlockWords = hn::Full128<std::int16_t>;

/// L of four pixels from 16-bit pairs (R G) and (G B).
HWY_INLINE hn::Vec<BlockInts> gray_of_pairs(hn::Vec<Block> red_green, hn::Vec<Block> green_blue) {
  const BlockInts ints;
  const BlockWords words;
  const auto rg_weights = hn::BitCast(words, hn::Set(ints, 19595 | (19235 << 16)));
  const auto gb_weights = hn::BitCast(words, hn::Set(ints, 19235 | (7471 << 16)));
  auto unused = hn::Zero(ints);
  const auto first =
      hn::ReorderWidenMulAccumulate(ints, hn::BitCast(words, red_green), rg_weights, hn::Set(ints, 0x8000), unused);
  return hn::ShiftRight<16>(hn::ReorderWidenMulAccumulate(ints, hn::BitCast(words, green_blue), gb_weights, first, unused));
}

void rgbx_to_gray(const std::uint8_t* rgbx, std::uint8_t* gray, int num_pixels) {
  alignas(16) static constexpr std::uint8_t kRedGreen[16] = {0, 128, 1, 128, 4,  128, 5,  128,
                                                             8, 128, 9, 128, 12, 128, 13, 128};
  alignas(16) static constexpr std::uint8_t kGreenBlue[16] = {1, 128, 2,  128, 5,  128, 6,  128,
                                                              9, 128, 10, 128, 13, 128, 14, 128};
  const Block block;
  const auto red_green = hn::Load(block, kRedGreen), green_blue = hn::Load(block, kGreenBlue);
  for (int i = 0; i < num_pixels; i += 16) {
    hn::Vec<BlockInts> sums[4];
    for (int k = 0; k < 4; ++k) {
      const auto pixels = hn::LoadU(block, rgbx + 4 * (i + 4 * k));
      sums[k] = gray_of_pairs(hn::TableLookupBytesOr0(pixels, red_green), hn::TableLookupBytesOr0(pixels, green_blue));
    }
    hn::StoreU(pack_ints(BlockInts(), sums[0], sums[1], sums[2], sums[3]), block, gray + i);
  }
}

void planes_to_gray(const std::uint8_t* const* planes, std::uint8_t* gray, int num_pixels) {
  const Block block;
  const auto zero = hn::Zero(block);
  for (int i = 0; i < num_pixels; i += 16) {
    const auto red = hn::LoadU(block, planes[0] + i), green = hn::LoadU(block, planes[1] + i);
    const auto blue = hn::LoadU(block, planes[2] + i);
    hn::Vec<BlockInts> sums[4];
    for (int half = 0; half < 2; ++half) {
      const auto rg = half == 0 ? hn::InterleaveLower(red, green) : hn::InterleaveUpper(block, red, green);
      const auto gb = half == 0 ? hn::InterleaveLower(green, blue) : hn::InterleaveUpper(block, green, blue);
      sums[2 * half] = gray_of_pairs(hn::InterleaveLower(rg, zero), hn::InterleaveLower(gb, zero));
      sums[2 * half + 1] = gray_of_pairs(hn::InterleaveUpper(block, rg, zero), hn::InterleaveUpper(block, gb, zero));
    }
    hn::StoreU(pack_ints(BlockInts(), sums[0], sums[1], sums[2], sums[3]), block, gray + i);
  }
}

void ycc_to_rgb(const std::uint8_t* const* ycc, const YccFactors& factors, std::uint8_t* const* rgb, int num_pixels) {
  const Ints ints;
  const hn::Rebind<std::uint8_t, Ints> quarter;
  const auto times = [&](hn::Vec<Ints> samples, std::int32_t factor) { return hn::Mul(samples, hn::Set(ints, factor)); };
  const auto centre = hn::Set(ints, factors.chroma_offset);
  // Half is there once, in luma's share.
  const auto luma_offset = hn::Set(ints, YccFactors::kHalf - factors.luma_offset * factors.luma);
  const auto store = [](hn::Vec<Ints> sums, std::uint8_t* out) {
    store_bytes(hn::ShiftRight<YccFactors::kBits>(sums), out);
  };
  for (int i = 0; i < num_pixels; i += 4 * kBlocks) {
    const auto y = hn::Add(times(hn::PromoteTo(ints, hn::LoadU(quarter, ycc[0] + i)), factors.luma), luma_offset);
    const auto cb = hn::Sub(hn::PromoteTo(ints, hn::LoadU(quarter, ycc[1] + i)), centre);
    const auto cr = hn::Sub(hn::PromoteTo(ints, hn::LoadU(quarter, ycc[2] + i)), centre);
    store(hn::Add(y, times(cr, factors.red_of_red)), rgb[0] + i);
    store(hn::Add(y, hn::Add(times(cb, factors.green_of_blue), times(cr, factors.green_of_red))), rgb[1] + i);
    store(hn::Add(y, times(cb, factors.blue_of_blue)), rgb[2] + i);
  }
}

// ---- Writers ----

void write_u8_interleaved(const std::uint8_t* const* planes, std::uint8_t* output, int num_pixels) {
  const Bytes bytes;
  constexpr int kStep = 16 * kBlocks;
  int i = 0;
  for (; i + kStep <= num_pixels; i += kStep) {
    hn::StoreInterleaved3(hn::LoadU(bytes, planes[0] + i), hn::LoadU(bytes, planes[1] + i), hn::LoadU(bytes, planes[2] + i),
                          bytes, output + 3 * i);
  }
  for (const Block block; i + 16 <= num_pixels; i += 16) {
    hn::StoreInterleaved3(hn::LoadU(block, planes[0] + i), hn::LoadU(block, planes[1] + i), hn::LoadU(block, planes[2] + i),
                          block, output + 3 * i);
  }
  const std::uint8_t* rest[3] = {planes[0] + i, planes[1] + i, planes[2] + i};
  scalar_kernels().write_u8_interleaved(rest, output + 3 * i, num_pixels - i);
}

HWY_INLINE hn::Vec<Floats> normalized(const std::uint8_t* samples, hn::Vec<Floats> mean, hn::Vec<Floats> inverse_scale) {
  const Floats floats;
  const hn::Rebind<std::uint8_t, Floats> quarter;
  const auto values = hn::ConvertTo(floats, hn::PromoteTo(Ints(), hn::LoadU(quarter, samples)));
  return hn::Mul(hn::Sub(values, mean), inverse_scale);
}

void write_f32_plane(const std::uint8_t* plane, float* output, int num_pixels, float mean, float inverse_scale) {
  const Floats floats;
  constexpr int kStep = 4 * kBlocks;
  const auto means = hn::Set(floats, mean), inverse_scales = hn::Set(floats, inverse_scale);
  int i = 0;
  for (; i + kStep <= num_pixels; i += kStep) {
    hn::StoreU(normalized(plane + i, means, inverse_scales), floats, output + i);
  }
  scalar_kernels().write_f32_plane(plane + i, output + i, num_pixels - i, mean, inverse_scale);
}

void write_f32_interleaved(const std::uint8_t* const* planes, float* output, int num_pixels,
                           const Normalization& normalization) {
  const Floats floats;
  constexpr int kStep = 4 * kBlocks;
  int i = 0;
  for (; i + kStep <= num_pixels; i += kStep) {
    hn::Vec<Floats> values[3];
    for (int c = 0; c < 3; ++c) {
      values[c] =
          normalized(planes[c] + i, hn::Set(floats, normalization.mean[c]), hn::Set(floats, normalization.inverse_scale[c]));
    }
    hn::StoreInterleaved3(values[0], values[1], values[2], floats, output + 3 * i);
  }
  const std::uint8_t* rest[3] = {planes[0] + i, planes[1] + i, planes[2] + i};
  scalar_kernels().write_f32_interleaved(rest, output + 3 * i, num_pixels - i, normalization);
}

template <bool kDot>
constexpr KernelTable make_kernel_table(std::string_view name) {
  return {name,           rgbx_columns<kDot>, gray_columns<kDot>,   rows<kDot>,      expand_rgb,           rgbx_to_gray,
          planes_to_gray, ycc_to_rgb,         write_u8_interleaved, write_f32_plane, write_f32_interleaved};
}

const KernelTable& kernel_table() {
  static constexpr KernelTable kTable = make_kernel_table<false>(kBlocks == 4 ? "AVX3" : kBlocks == 2 ? "AVX2" : "SSE4");
  return kTable;
}

#if HWY_TARGET == HWY_AVX3
const KernelTable& dot_kernel_table() {
  static constexpr KernelTable kTable = make_kernel_table<true>("AVX3_VNNI");
  return kTable;
}
#endif

}  // namespace smol::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4

#if HWY_ONCE
#include <hwy/targets.h>

#include <vector>

namespace smol {

std::span<const KernelTable* const> simd_kernels() {
  static const std::vector<const KernelTable*> tables = [] {
    std::vector<const KernelTable*> found;
#if HWY_ARCH_X86
    const std::int64_t supported = hwy::SupportedTargets();
    if ((supported & HWY_AVX3) != 0 && __builtin_cpu_supports("avx512vnni")) found.push_back(&N_AVX3::dot_kernel_table());
    if ((supported & HWY_AVX3) != 0) found.push_back(&N_AVX3::kernel_table());
    if ((supported & HWY_AVX2) != 0) found.push_back(&N_AVX2::kernel_table());
    if ((supported & HWY_SSE4) != 0) found.push_back(&N_SSE4::kernel_table());
#endif
    return found;
  }();
  return tables;
}

}  // namespace smol
#endif  // HWY_ONCE
