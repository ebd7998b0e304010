// Compiled once for each instruction set by Highway. A vector holds the same row of 1, 2 or 4 neighbouring blocks.
#include "codec/jpeg_kernels.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/jpeg_kernels.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
HWY_BEFORE_NAMESPACE();
namespace smol::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::CappedTag<std::int16_t, kGroupRow>;
using Ints = hn::RepartitionToWide<Words>;
using Bytes = hn::Repartition<std::uint8_t, Words>;
using SignedBytes = hn::Repartition<std::int8_t, Words>;
using WordVector = hn::Vec<Words>;
using IntVector = hn::Vec<Ints>;

constexpr int kLanes =
    static_cast<int>(HWY_LANES(std::int16_t)) < kGroupRow ? static_cast<int>(HWY_LANES(std::int16_t)) : kGroupRow;
constexpr int kBlocks = kLanes / 8;  ///< a vector's
constexpr int kConstantBits = 13, kPassBits = 2;

constexpr int fixed(double value) { return static_cast<int>(value * (1 << kConstantBits) + .5); }

// ---- Building blocks ----

/// pmaddwd: products of neighbouring lanes, added.
HWY_INLINE IntVector multiply_pairs(WordVector a, WordVector b) {
  const Ints ints;
  IntVector unused = hn::Zero(ints);
  return hn::ReorderWidenMulAccumulate(ints, a, b, hn::Zero(ints), unused);
}

/// Lanes a, b, a, b, ...
HWY_INLINE WordVector pair(int a, int b) {
  const auto bits = static_cast<std::uint32_t>(a & 0xFFFF) | static_cast<std::uint32_t>(b) << 16;
  return hn::BitCast(Words(), hn::Set(Ints(), static_cast<std::int32_t>(bits)));
}

/// 32-bit lanes for the lower and the upper half of each block's row.
struct Wide {
  IntVector lower, upper;
};
HWY_INLINE Wide operator+(Wide a, Wide b) { return {hn::Add(a.lower, b.lower), hn::Add(a.upper, b.upper)}; }
HWY_INLINE Wide operator-(Wide a, Wide b) { return {hn::Sub(a.lower, b.lower), hn::Sub(a.upper, b.upper)}; }

/// Two rows of words, interleaved for multiply_pairs.
struct Pairs {
  WordVector lower, upper;
  HWY_INLINE Pairs(WordVector a, WordVector b)
      : lower(hn::InterleaveLower(Words(), a, b)), upper(hn::InterleaveUpper(Words(), a, b)) {}
  [[nodiscard]] HWY_INLINE Wide times(int a, int b) const {
    return {multiply_pairs(lower, pair(a, b)), multiply_pairs(upper, pair(a, b))};
  }
};

/// value * 2^kBits
template <int kBits>
HWY_INLINE Wide scaled(WordVector value) {
  const auto zero = hn::Zero(Words());
  const Ints ints;
  return {hn::ShiftRight<16 - kBits>(hn::BitCast(ints, hn::InterleaveLower(Words(), zero, value))),
          hn::ShiftRight<16 - kBits>(hn::BitCast(ints, hn::InterleaveUpper(Words(), zero, value)))};
}

/// Rounds, shifts, saturates to words.
template <int kShift>
HWY_INLINE WordVector descale(Wide value) {
  const auto half = hn::Set(Ints(), 1 << (kShift - 1));
  return hn::ReorderDemote2To(Words(), hn::ShiftRight<kShift>(hn::Add(value.lower, half)),
                              hn::ShiftRight<kShift>(hn::Add(value.upper, half)));
}

HWY_INLINE WordVector dequantized(const std::int16_t* group, const std::int16_t* quantization, int row) {
  const Words words;
  return hn::Mul(hn::LoadU(words, group + row * kGroupRow), hn::LoadDup128(words, quantization + row * 8));
}

/// Signed samples to 0..255; in each block the lanes of b follow those of a.
HWY_INLINE hn::Vec<Bytes> to_samples(WordVector a, WordVector b) {
  const Words words;
  const auto low = hn::Set(words, -128), high = hn::Set(words, 127);
  const auto clamp = [&](WordVector v) { return hn::Min(hn::Max(v, low), high); };
  // Both halves are in range, so that the saturation of packing does nothing.
#if HWY_TARGET == HWY_AVX3
  const hn::Vec<SignedBytes> packed{_mm512_packs_epi16(a.raw, b.raw)};
  static_cast<void>(clamp);
#elif HWY_TARGET == HWY_AVX2
  const hn::Vec<SignedBytes> packed{_mm256_packs_epi16(a.raw, b.raw)};
  static_cast<void>(clamp);
#else
  const auto packed =
      hn::ConcatEven(SignedBytes(), hn::BitCast(SignedBytes(), clamp(b)), hn::BitCast(SignedBytes(), clamp(a)));
#endif
  return hn::Xor(hn::BitCast(Bytes(), packed), hn::Set(Bytes(), 0x80));
}

/// In each block, 8x8 words.
HWY_INLINE void transpose(WordVector* rows) {
  const Words words;
  WordVector a[8], b[8];
  for (int i = 0; i < 4; ++i) {  // (0,4) (1,5) (2,6) (3,7)
    a[2 * i] = hn::InterleaveLower(words, rows[i], rows[i + 4]);
    a[2 * i + 1] = hn::InterleaveUpper(words, rows[i], rows[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = hn::InterleaveLower(words, a[i], a[i + 4]);
    b[2 * i + 1] = hn::InterleaveUpper(words, a[i], a[i + 4]);
  }
  for (int i = 0; i < 4; ++i) {
    rows[2 * i] = hn::InterleaveLower(words, b[i], b[i + 4]);
    rows[2 * i + 1] = hn::InterleaveUpper(words, b[i], b[i + 4]);
  }
}

// ---- Inverse DCT 8x8 (the accurate integer method: Loeffler, Ligtenberg, Moschytz 1989, 11 multiplications) ----

template <int kShift>
HWY_INLINE void inverse_dct_pass(WordVector* rows) {
  constexpr int k0_298 = fixed(0.298631336), k0_390 = fixed(0.390180644), k0_541 = fixed(0.541196100),
                k0_765 = fixed(0.765366865), k0_899 = fixed(0.899976223), k1_175 = fixed(1.175875602),
                k1_501 = fixed(1.501321110), k1_847 = fixed(1.847759065), k1_961 = fixed(1.961570560),
                k2_053 = fixed(2.053119869), k2_562 = fixed(2.562915447), k3_072 = fixed(3.072711026);
  // Even part.
  const Pairs even(rows[2], rows[6]);
  const Wide even3 = even.times(k0_541 + k0_765, k0_541), even2 = even.times(k0_541, k0_541 - k1_847);
  const Wide sum = scaled<kConstantBits>(hn::Add(rows[0], rows[4])),
             difference = scaled<kConstantBits>(hn::Sub(rows[0], rows[4]));
  const Wide even10 = sum + even3, even13 = sum - even3, even11 = difference + even2, even12 = difference - even2;
  // Odd part.
  const Pairs z(hn::Add(rows[7], rows[3]), hn::Add(rows[5], rows[1]));
  const Wide z3 = z.times(k1_175 - k1_961, k1_175), z4 = z.times(k1_175, k1_175 - k0_390);
  const Pairs outer(rows[7], rows[1]), inner(rows[5], rows[3]);
  const Wide odd0 = outer.times(k0_298 - k0_899, -k0_899) + z3, odd3 = outer.times(-k0_899, k1_501 - k0_899) + z4;
  const Wide odd1 = inner.times(k2_053 - k2_562, -k2_562) + z4, odd2 = inner.times(-k2_562, k3_072 - k2_562) + z3;

  rows[0] = descale<kShift>(even10 + odd3);
  rows[7] = descale<kShift>(even10 - odd3);
  rows[1] = descale<kShift>(even11 + odd2);
  rows[6] = descale<kShift>(even11 - odd2);
  rows[2] = descale<kShift>(even12 + odd1);
  rows[5] = descale<kShift>(even12 - odd1);
  rows[3] = descale<kShift>(even13 + odd0);
  rows[4] = descale<kShift>(even13 - odd0);
}

/// `columns` holds the eight columns of each block as words; writes rows of 8 * kBlocks bytes.
HWY_INLINE void store_transposed(const WordVector* columns, std::uint8_t* output, std::ptrdiff_t stride) {
  const Bytes bytes;
  const Words words;
  const Ints ints;
  const hn::RepartitionToWide<Ints> longs;
  const auto p0 = to_samples(columns[0], columns[4]), p1 = to_samples(columns[1], columns[5]);
  const auto p2 = to_samples(columns[2], columns[6]), p3 = to_samples(columns[3], columns[7]);
  const auto c01 = hn::BitCast(words, hn::InterleaveLower(bytes, p0, p1)),
             c45 = hn::BitCast(words, hn::InterleaveUpper(bytes, p0, p1));
  const auto c23 = hn::BitCast(words, hn::InterleaveLower(bytes, p2, p3)),
             c67 = hn::BitCast(words, hn::InterleaveUpper(bytes, p2, p3));
  const auto left03 = hn::BitCast(ints, hn::InterleaveLower(words, c01, c23)),
             left47 = hn::BitCast(ints, hn::InterleaveUpper(words, c01, c23));
  const auto right03 = hn::BitCast(ints, hn::InterleaveLower(words, c45, c67)),
             right47 = hn::BitCast(ints, hn::InterleaveUpper(words, c45, c67));
  const auto rows01 = hn::BitCast(longs, hn::InterleaveLower(ints, left03, right03));
  const auto rows23 = hn::BitCast(longs, hn::InterleaveUpper(ints, left03, right03));
  const auto rows45 = hn::BitCast(longs, hn::InterleaveLower(ints, left47, right47));
  const auto rows67 = hn::BitCast(longs, hn::InterleaveUpper(ints, left47, right47));
  const hn::Half<decltype(longs)> half;
  const auto store = [&](int row, hn::Vec<decltype(longs)> two) {
    hn::StoreU(hn::LowerHalf(half, two), half, reinterpret_cast<std::int64_t*>(output + row * stride));
    hn::StoreU(hn::UpperHalf(half, two), half, reinterpret_cast<std::int64_t*>(output + (row + 2) * stride));
  };
  store(0, hn::ConcatEven(longs, rows23, rows01));
  store(1, hn::ConcatOdd(longs, rows23, rows01));
  store(4, hn::ConcatEven(longs, rows67, rows45));
  store(5, hn::ConcatOdd(longs, rows67, rows45));
}

void inverse_dct_8(const std::int16_t* group, const std::int16_t* quantization, std::uint8_t* output,
                   std::ptrdiff_t stride) {
  for (int block = 0; block < kBlocksPerGroup; block += kBlocks) {
    WordVector rows[8];
    for (int i = 0; i < 8; ++i) rows[i] = dequantized(group + block * 8, quantization, i);
    inverse_dct_pass<kConstantBits - kPassBits>(rows);
    transpose(rows);
    inverse_dct_pass<kConstantBits + kPassBits + 3>(rows);
    store_transposed(rows, output + block * 8, stride);
  }
}

// ---- Reduced inverse DCTs: each output sample is the mean of the full one's square ----

/// Adds the four 32-bit lanes of each block of four vectors: lane i of the result is the sum of vector i.
HWY_INLINE IntVector add_across(IntVector a, IntVector b, IntVector c, IntVector d) {
  const Ints ints;
  const hn::RepartitionToWide<Ints> longs;
  const auto ab = hn::Add(hn::InterleaveLower(ints, a, b), hn::InterleaveUpper(ints, a, b));
  const auto cd = hn::Add(hn::InterleaveLower(ints, c, d), hn::InterleaveUpper(ints, c, d));
  const auto low = hn::InterleaveLower(longs, hn::BitCast(longs, ab), hn::BitCast(longs, cd));
  const auto high = hn::InterleaveUpper(longs, hn::BitCast(longs, ab), hn::BitCast(longs, cd));
  return hn::Add(hn::BitCast(ints, low), hn::BitCast(ints, high));
}

constexpr int k0_211 = fixed(0.211164243), k0_509 = fixed(0.509795579), k0_601 = fixed(0.601344887),
              k0_720 = fixed(0.720959822), k0_765 = fixed(0.765366865), k0_850 = fixed(0.850430095),
              k0_899 = fixed(0.899976223), k1_061 = fixed(1.061594337), k1_272 = fixed(1.272758580),
              k1_451 = fixed(1.451774981), k1_847 = fixed(1.847759065), k2_172 = fixed(2.172734803),
              k2_562 = fixed(2.562915447), k3_624 = fixed(3.624509785);

/// One row of coefficients (columns 0..7) to one output column, to be added across.
using Weights = std::int16_t[8];

void inverse_dct_4(const std::int16_t* group, const std::int16_t* quantization, std::uint8_t* output,
                   std::ptrdiff_t stride) {
  constexpr int kOne = 1 << (kConstantBits + 1);
  HWY_ALIGN static constexpr Weights kColumns[4] = {
      {kOne, k2_562, k1_847, k0_899, 0, -k0_601, -k0_765, -k0_509},
      {kOne, k1_061, -k1_847, -k2_172, 0, k1_451, k0_765, -k0_211},
      {kOne, -k1_061, -k1_847, k2_172, 0, -k1_451, k0_765, k0_211},
      {kOne, -k2_562, k1_847, -k0_899, 0, k0_601, -k0_765, k0_509},
  };
  const Words words;
  const Ints ints;
  for (int block = 0; block < kBlocksPerGroup; block += kBlocks) {
    const std::int16_t* const coefficients = group + block * 8;
    const auto row = [&](int i) { return dequantized(coefficients, quantization, i); };
    const Wide first = scaled<kConstantBits + 1>(row(0)), even = Pairs(row(2), row(6)).times(k1_847, -k0_765);
    const Wide outer = first + even, inner = first - even;
    const Pairs r13(row(1), row(3)), r57(row(5), row(7));
    const Wide odd2 = r13.times(k2_562, k0_899) + r57.times(-k0_601, -k0_509);
    const Wide odd0 = r13.times(k1_061, -k2_172) + r57.times(k1_451, -k0_211);
    constexpr int kShift = kConstantBits - kPassBits + 1;
    const WordVector rows[4] = {descale<kShift>(outer + odd2), descale<kShift>(inner + odd0), descale<kShift>(inner - odd0),
                                descale<kShift>(outer - odd2)};
    Wide results[2];
    for (int i = 0; i < 4; ++i) {
      const auto times = [&](int column) { return multiply_pairs(rows[i], hn::LoadDup128(words, kColumns[column])); };
      IntVector& result = i % 2 == 0 ? results[i / 2].lower : results[i / 2].upper;
      result = add_across(times(0), times(1), times(2), times(3));
    }
    constexpr int kLastShift = kConstantBits + kPassBits + 3 + 1;
    // In each block: rows 0..3, four samples each.
    const auto samples = hn::BitCast(ints, to_samples(descale<kLastShift>(results[0]), descale<kLastShift>(results[1])));
    alignas(64) std::int32_t by_block[16];
    hn::Store(samples, ints, by_block);
    for (int i = 0; i < kBlocks; ++i) {
      for (int y = 0; y < 4; ++y) std::memcpy(output + y * stride + (block + i) * 4, &by_block[i * 4 + y], 4);
    }
  }
}

void inverse_dct_2(const std::int16_t* group, const std::int16_t* quantization, std::uint8_t* output,
                   std::ptrdiff_t stride) {
  // 2^15 is no word, hence everything negated.
  constexpr int kMinusOne = -(1 << (kConstantBits + 2));
  HWY_ALIGN static constexpr Weights kColumns[2] = {
      {kMinusOne, -k3_624, 0, k1_272, 0, -k0_850, 0, k0_720},
      {kMinusOne, k3_624, 0, -k1_272, 0, k0_850, 0, -k0_720},
  };
  const Words words;
  const Ints ints;
  for (int block = 0; block < kBlocksPerGroup; block += kBlocks) {
    const std::int16_t* const coefficients = group + block * 8;
    const auto row = [&](int i) { return dequantized(coefficients, quantization, i); };
    const Wide first = scaled<kConstantBits + 2>(row(0));
    const Wide odd = Pairs(row(1), row(3)).times(k3_624, -k1_272) + Pairs(row(5), row(7)).times(k0_850, -k0_720);
    constexpr int kShift = kConstantBits - kPassBits + 2;
    const WordVector rows[2] = {descale<kShift>(first + odd), descale<kShift>(first - odd)};
    const auto times = [&](int i, int column) { return multiply_pairs(rows[i], hn::LoadDup128(words, kColumns[column])); };
    const IntVector result = hn::Neg(add_across(times(0, 0), times(0, 1), times(1, 0), times(1, 1)));
    const WordVector descaled = descale<kConstantBits + kPassBits + 3 + 2>({result, result});
    alignas(64) std::int32_t by_block[16];
    hn::Store(hn::BitCast(ints, to_samples(descaled, descaled)), ints, by_block);
    for (int i = 0; i < kBlocks; ++i) {
      for (int y = 0; y < 2; ++y)
        std::memcpy(output + y * stride + (block + i) * 2, reinterpret_cast<const char*>(&by_block[i * 4]) + 2 * y, 2);
    }
  }
}

void inverse_dct_1(const std::int16_t* group, const std::int16_t* quantization, std::uint8_t* output, std::ptrdiff_t) {
  for (int block = 0; block < kBlocksPerGroup; ++block) {
    // libjpeg looks samples up modulo 1024 here, which shows only in corrupt pictures.
    const int value = ((((group[block * 8] * quantization[0]) + 4) >> 3) + 512 & 1023) - 512;
    output[block] = static_cast<std::uint8_t>(std::clamp(value + 128, 0, 255));
  }
}

/// Every block is flat.
void fill_blocks(const std::int16_t* group, int quantization, int size, std::uint8_t* output, std::ptrdiff_t stride) {
  for (int block = 0; block < kBlocksPerGroup; ++block) {
    const int value = static_cast<std::int16_t>(group[block * 8] * quantization);
    const auto sample = static_cast<std::uint8_t>(std::clamp(((value + 4) >> 3) + 128, 0, 255));
    const std::uint64_t samples = 0x0101010101010101u * sample;
    for (int y = 0; y < size; ++y) std::memcpy(output + y * stride + block * size, &samples, static_cast<std::size_t>(size));
  }
}

// ---- Colour ----

/// 256 bits at most: wider ones gain nothing here.
using Lanes = hn::CappedTag<std::int16_t, 16>;
using LaneVector = hn::Vec<Lanes>;
constexpr int kPairsPerStep =
    static_cast<int>(HWY_LANES(std::int16_t)) < 16 ? static_cast<int>(HWY_LANES(std::int16_t)) : 16;

/// Chroma of the even and the odd pixels.
struct EvenOdd {
  LaneVector even, odd;
};

HWY_INLINE LaneVector load_samples(const std::uint8_t* samples) {
  return hn::PromoteTo(Lanes(), hn::LoadU(hn::Rebind<std::uint8_t, Lanes>(), samples));
}

/// Bytes 2 i and 2 i + 1 as words.
HWY_INLINE EvenOdd split(const std::uint8_t* samples) {
  const Lanes lanes;
  const hn::Repartition<std::uint8_t, Lanes> bytes;
  const auto both = hn::BitCast(hn::RebindToUnsigned<Lanes>(), hn::LoadU(bytes, samples));
  return {hn::And(hn::BitCast(lanes, both), hn::Set(lanes, 0xFF)), hn::BitCast(lanes, hn::ShiftRight<8>(both))};
}

template <ChromaUpsampling kUpsampling>
HWY_INLINE EvenOdd chroma(const std::uint8_t* near_row, const std::uint8_t* far_row, int pixel) {
  const Lanes lanes;
  const auto three = [](LaneVector v) { return hn::Add(hn::Add(v, v), v); };
  if constexpr (kUpsampling == ChromaUpsampling::kNone) {
    return split(near_row + pixel);
  } else if constexpr (kUpsampling == ChromaUpsampling::kHorizontal) {
    const std::uint8_t* const at = near_row + pixel / 2;
    const auto here = three(load_samples(at));
    return {hn::ShiftRight<2>(hn::Add(hn::Add(here, load_samples(at - 1)), hn::Set(lanes, 1))),
            hn::ShiftRight<2>(hn::Add(hn::Add(here, load_samples(at + 1)), hn::Set(lanes, 2)))};
  } else {
    const auto column = [&](int offset) {
      const int at = pixel / 2 + offset;
      return hn::Add(three(load_samples(near_row + at)), load_samples(far_row + at));
    };
    const auto here = three(column(0));
    return {hn::ShiftRight<4>(hn::Add(hn::Add(here, column(-1)), hn::Set(lanes, 8))),
            hn::ShiftRight<4>(hn::Add(hn::Add(here, column(1)), hn::Set(lanes, 7)))};
  }
}

struct Rgb {
  LaneVector red, green, blue;
};

/// JFIF's conversion in 16-bit fixed point: round(1.402 Cr), round(-0.34414 Cb - 0.71414 Cr), round(1.772 Cb), with the
/// factors' whole parts taken out so that the rest fits a word.
HWY_INLINE Rgb to_rgb(LaneVector y, LaneVector cb, LaneVector cr) {
  const Lanes lanes;
  const hn::RepartitionToWide<Lanes> wide;
  constexpr int kRed = 26345, kBlue = -14942, kGreenOfBlue = -22554, kGreenOfRed = 18734;
  const auto centre = hn::Set(lanes, 128), one = hn::Set(lanes, 1);
  cb = hn::Sub(cb, centre);
  cr = hn::Sub(cr, centre);
  const auto twice_cb = hn::Add(cb, cb), twice_cr = hn::Add(cr, cr);
  const auto rounded = [&](LaneVector twice, int factor) {
    return hn::ShiftRight<1>(hn::Add(hn::MulHigh(twice, hn::Set(lanes, static_cast<std::int16_t>(factor))), one));
  };
  const auto factors = hn::BitCast(
      lanes,
      hn::Set(wide, static_cast<std::int32_t>(static_cast<std::uint32_t>(kGreenOfBlue & 0xFFFF) | kGreenOfRed << 16)));
  const auto green_half = [&](LaneVector pairs) {
    hn::Vec<decltype(wide)> unused = hn::Zero(wide);
    const auto sum = hn::ReorderWidenMulAccumulate(wide, pairs, factors, hn::Set(wide, 1 << 15), unused);
    return hn::ShiftRight<16>(sum);
  };
  const auto green = hn::Sub(hn::ReorderDemote2To(lanes, green_half(hn::InterleaveLower(lanes, cb, cr)),
                                                  green_half(hn::InterleaveUpper(lanes, cb, cr))),
                             cr);
  const auto zero = hn::Zero(lanes), limit = hn::Set(lanes, 255);
  const auto clamped = [&](LaneVector v) { return hn::Min(hn::Max(v, zero), limit); };
  return {clamped(hn::Add(hn::Add(y, cr), rounded(twice_cr, kRed))), clamped(hn::Add(y, green)),
          clamped(hn::Add(hn::Add(y, twice_cb), rounded(twice_cb, kBlue)))};
}

/// 2 * kPairsPerStep pixels. In each 128-bit block of the inputs lie eight pairs, which become 64 bytes.
HWY_INLINE void store_rgbx(const Rgb& even, const Rgb& odd, std::uint8_t* rgbx) {
  const Lanes lanes;
  const hn::RepartitionToWide<Lanes> ints;
  const auto opaque = hn::Set(lanes, static_cast<std::int16_t>(0xFF00));
  const auto red_green = [&](const Rgb& c) { return hn::Or(c.red, hn::ShiftLeft<8>(c.green)); };
  const auto even_rg = red_green(even), odd_rg = red_green(odd);
  const auto even_bx = hn::Or(even.blue, opaque), odd_bx = hn::Or(odd.blue, opaque);
  const auto even_lower = hn::BitCast(ints, hn::InterleaveLower(lanes, even_rg, even_bx));
  const auto even_upper = hn::BitCast(ints, hn::InterleaveUpper(lanes, even_rg, even_bx));
  const auto odd_lower = hn::BitCast(ints, hn::InterleaveLower(lanes, odd_rg, odd_bx));
  const auto odd_upper = hn::BitCast(ints, hn::InterleaveUpper(lanes, odd_rg, odd_bx));
  auto* const output = reinterpret_cast<std::int32_t*>(rgbx);
  const auto quarters0 = hn::InterleaveLower(ints, even_lower, odd_lower),
             quarters1 = hn::InterleaveUpper(ints, even_lower, odd_lower);
  const auto quarters2 = hn::InterleaveLower(ints, even_upper, odd_upper),
             quarters3 = hn::InterleaveUpper(ints, even_upper, odd_upper);
  if constexpr (kPairsPerStep == 16) {
    hn::StoreU(hn::ConcatLowerLower(ints, quarters1, quarters0), ints, output);
    hn::StoreU(hn::ConcatLowerLower(ints, quarters3, quarters2), ints, output + 8);
    hn::StoreU(hn::ConcatUpperUpper(ints, quarters1, quarters0), ints, output + 16);
    hn::StoreU(hn::ConcatUpperUpper(ints, quarters3, quarters2), ints, output + 24);
  } else {
    hn::StoreU(quarters0, ints, output);
    hn::StoreU(quarters1, ints, output + 4);
    hn::StoreU(quarters2, ints, output + 8);
    hn::StoreU(quarters3, ints, output + 12);
  }
}

template <ChromaUpsampling kUpsampling>
void ycc_to_rgbx(const JpegYccRow& row, std::uint8_t* rgbx, int num_pixels) {
  for (int i = 0; i < num_pixels; i += 2 * kPairsPerStep) {
    const EvenOdd y = split(row.luma + i);
    const EvenOdd cb = chroma<kUpsampling>(row.blue, row.far_blue, i), cr = chroma<kUpsampling>(row.red, row.far_red, i);
    store_rgbx(to_rgb(y.even, cb.even, cr.even), to_rgb(y.odd, cb.odd, cr.odd), rgbx + 4 * i);
  }
}

void gray_to_rgbx(const std::uint8_t* gray, std::uint8_t* rgbx, int num_pixels) {
  for (int i = 0; i < num_pixels; i += 2 * kPairsPerStep) {
    const EvenOdd y = split(gray + i);
    store_rgbx({y.even, y.even, y.even}, {y.odd, y.odd, y.odd}, rgbx + 4 * i);
  }
}

void pack_rgb(const std::uint8_t* rgbx, std::uint8_t* rgb, int num_pixels, bool swap) {
  const hn::CappedTag<std::uint8_t, 16> bytes;
  for (int i = 0; i < num_pixels; i += static_cast<int>(hn::Lanes(bytes))) {
    auto red = hn::Zero(bytes), green = red, blue = red, unused = red;
    hn::LoadInterleaved4(bytes, rgbx + 4 * i, red, green, blue, unused);
    hn::StoreInterleaved3(swap ? blue : red, green, swap ? red : blue, bytes, rgb + 3 * i);
  }
}

}  // namespace

JpegKernels jpeg_kernel_set(std::string_view name) {
  return {name,
          nullptr,
          {inverse_dct_1, inverse_dct_2, inverse_dct_4, inverse_dct_8},
          fill_blocks,
          {ycc_to_rgbx<ChromaUpsampling::kNone>, ycc_to_rgbx<ChromaUpsampling::kHorizontal>,
           ycc_to_rgbx<ChromaUpsampling::kBoth>},
          gray_to_rgbx,
          pack_rgb};
}

}  // namespace smol::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4

#if HWY_ONCE
#include <hwy/targets.h>

#include <vector>

namespace smol {

std::span<const JpegKernels> jpeg_kernels() {
  static const std::vector<JpegKernels> sets = [] {
    std::vector<JpegKernels> found;
#if HWY_ARCH_X86
    const auto add = [&found, supported = hwy::SupportedTargets()](std::int64_t target, JpegKernels set) {
      if ((supported & target) == 0) return;
      set.scan = &jpeg_scan_kernels(target != HWY_SSE4);
      found.push_back(set);
    };
    add(HWY_AVX3, N_AVX3::jpeg_kernel_set("AVX3"));
    add(HWY_AVX2, N_AVX2::jpeg_kernel_set("AVX2"));
    add(HWY_SSE4, N_SSE4::jpeg_kernel_set("SSE4"));
#endif
    return found;
  }();
  return sets;
}

namespace {

/// The one switch of the room, kept atomic so that a late call is no race.
std::atomic<const JpegKernels*>& chosen_kernels() {
  static std::atomic<const JpegKernels*> chosen{jpeg_kernels().empty() ? nullptr : &jpeg_kernels().front()};
  return chosen;
}

}  // namespace

const JpegKernels* active_jpeg_kernels() { return chosen_kernels().load(std::memory_order_relaxed); }

void choose_jpeg_kernels(std::string_view target) {
  // AVX3_VNNI differs from AVX3 for preprocessing only.
  const auto sets = jpeg_kernels();
  const auto found = std::find_if(sets.begin(), sets.end(),
                                  [&](const JpegKernels& set) { return target.empty() || target.starts_with(set.name); });
  chosen_kernels().store(found == sets.end() ? nullptr : &*found, std::memory_order_relaxed);
}

}  // namespace smol
#endif
