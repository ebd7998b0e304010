// Compiled once for each instruction set by Highway. A lane is a pixel: its sums before they are clipped, its four bytes
// after.
#include "codec/video/frame_kernels.h"

#include <algorithm>
#include <atomic>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/video/frame_kernels.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
HWY_BEFORE_NAMESPACE();
namespace smol::HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Ints = hn::CappedTag<std::int32_t, 16>;
using IntVector = hn::Vec<Ints>;
using Byte = std::uint8_t;
using Word = std::uint16_t;
constexpr int kLanes = static_cast<int>(HWY_LANES(std::int32_t)) < 16 ? static_cast<int>(HWY_LANES(std::int32_t)) : 16;

HWY_INLINE IntVector times(IntVector samples, std::int32_t factor) { return hn::Mul(samples, hn::Set(Ints(), factor)); }

HWY_INLINE IntVector clipped(IntVector sums) {
  const Ints ints;
  return hn::Min(hn::Max(hn::ShiftRight<YccFactors::kBits>(sums), hn::Zero(ints)), hn::Set(ints, 255));
}

/// The bytes of each pixel, of sums.
HWY_INLINE IntVector packed(IntVector red, IntVector green, IntVector blue) {
  const auto opaque = hn::Set(Ints(), static_cast<std::int32_t>(0xFF000000U));
  const auto red_green = hn::Or(clipped(red), hn::ShiftLeft<8>(clipped(green)));
  return hn::Or(red_green, hn::Or(hn::ShiftLeft<16>(clipped(blue)), opaque));
}

template <typename Sample>
HWY_INLINE IntVector load(const void* samples, int at) {
  const hn::Rebind<Sample, Ints> narrow;
  return hn::PromoteTo(Ints(), hn::LoadU(narrow, static_cast<const Sample*>(samples) + at));
}

/// What chroma adds to each colour.
struct Chroma {
  IntVector red, green, blue;
};
template <typename Sample>
HWY_INLINE Chroma chroma(const FrameRow& row, const YccFactors& factors, int at) {
  const auto centre = hn::Set(Ints(), factors.chroma_offset);
  const auto cb = hn::Sub(load<Sample>(row.planes[1], at), centre), cr = hn::Sub(load<Sample>(row.planes[2], at), centre);
  return {times(cr, factors.red_of_red), hn::Add(times(cb, factors.green_of_blue), times(cr, factors.green_of_red)),
          times(cb, factors.blue_of_blue)};
}

HWY_INLINE IntVector pixels(IntVector luma, const YccFactors& factors, const Chroma& c) {
  const auto offset = hn::Set(Ints(), YccFactors::kHalf - factors.luma_offset * factors.luma);
  const auto y = hn::Add(times(luma, factors.luma), offset);
  return packed(hn::Add(y, c.red), hn::Add(y, c.green), hn::Add(y, c.blue));
}

constexpr int index_of(std::size_t sample_bytes) { return static_cast<int>(sample_bytes) - 1; }

/// 4:4:4.
template <typename Sample>
void whole_to_rgbx(const FrameRow& row, const YccFactors& factors, int x, int width, std::uint8_t* rgbx) {
  const int end = x + width;
  for (; x + kLanes <= end; x += kLanes, rgbx += 4 * kLanes) {
    const IntVector result = pixels(load<Sample>(row.planes[0], x), factors, chroma<Sample>(row, factors, x));
    hn::StoreU(result, Ints(), reinterpret_cast<std::int32_t*>(rgbx));
  }
  scalar_frame_kernels().ycc[index_of(sizeof(Sample))][0](row, factors, x, end - x, rgbx);
}

/// Samples 2 i and 2 i + 1 as lanes.
struct EvenOdd {
  IntVector even, odd;
};
HWY_INLINE EvenOdd split(const Byte* samples) {
  const Ints ints;
  const hn::Rebind<Word, Ints> words;
  const auto both = hn::PromoteTo(ints, hn::LoadU(words, reinterpret_cast<const Word*>(samples)));
  return {hn::And(both, hn::Set(ints, 0xFF)), hn::ShiftRight<8>(both)};
}
HWY_INLINE EvenOdd split(const Word* samples) {
  const hn::RebindToUnsigned<Ints> wide;
  const Ints ints;
  const auto both = hn::LoadU(wide, reinterpret_cast<const std::uint32_t*>(samples));
  return {hn::BitCast(ints, hn::And(both, hn::Set(wide, 0xFFFF))), hn::BitCast(ints, hn::ShiftRight<16>(both))};
}

/// 4:2:0 and 4:2:2.
template <typename Sample>
void halved_to_rgbx(const FrameRow& row, const YccFactors& factors, int x, int width, std::uint8_t* rgbx) {
  const auto plain = scalar_frame_kernels().ycc[index_of(sizeof(Sample))][1];
  const int end = x + width;
  if (x % 2 != 0 && x < end) {
    plain(row, factors, x, 1, rgbx);
    ++x;
    rgbx += 4;
  }
  for (; x + 2 * kLanes <= end; x += 2 * kLanes, rgbx += 8 * kLanes) {
    const Chroma both = chroma<Sample>(row, factors, x / 2);
    const EvenOdd luma = split(static_cast<const Sample*>(row.planes[0]) + x);
    hn::StoreInterleaved2(pixels(luma.even, factors, both), pixels(luma.odd, factors, both), Ints(),
                          reinterpret_cast<std::int32_t*>(rgbx));
  }
  plain(row, factors, x, end - x, rgbx);
}

template <typename Sample>
void rgb_to_rgbx(const FrameRow& row, const YccFactors& factors, int x, int width, std::uint8_t* rgbx) {
  const auto half = hn::Set(Ints(), YccFactors::kHalf);
  const int end = x + width;
  const auto sum = [&](int plane) { return hn::Add(times(load<Sample>(row.planes[plane], x), factors.luma), half); };
  for (; x + kLanes <= end; x += kLanes, rgbx += 4 * kLanes)
    hn::StoreU(packed(sum(2), sum(0), sum(1)), Ints(), reinterpret_cast<std::int32_t*>(rgbx));
  scalar_frame_kernels().rgb[index_of(sizeof(Sample))](row, factors, x, end - x, rgbx);
}

template <typename Sample>
void stretch(const void* samples, std::int32_t offset, std::int32_t factor, int width, std::uint8_t* out) {
  const hn::Rebind<std::uint8_t, Ints> bytes;
  const auto added = hn::Set(Ints(), YccFactors::kHalf - offset * factor);
  int i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    const auto sums = hn::Add(times(load<Sample>(samples, i), factor), added);
    hn::StoreU(hn::DemoteTo(bytes, hn::ShiftRight<YccFactors::kBits>(sums)), bytes, out + i);
  }
  scalar_frame_kernels().stretch[index_of(sizeof(Sample))](static_cast<const Sample*>(samples) + i, offset, factor,
                                                           width - i, out + i);
}

}  // namespace

FrameKernels frame_kernel_set(std::string_view name) {
  const FrameKernels& plain = scalar_frame_kernels();
  return {name,
          {{whole_to_rgbx<Byte>, halved_to_rgbx<Byte>, plain.ycc[0][2]},
           {whole_to_rgbx<Word>, halved_to_rgbx<Word>, plain.ycc[1][2]}},
          {rgb_to_rgbx<Byte>, rgb_to_rgbx<Word>},
          {stretch<Byte>, stretch<Word>}};
}

}  // namespace smol::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4

#if HWY_ONCE
#include <hwy/targets.h>

#include <vector>

namespace smol {

std::span<const FrameKernels> simd_frame_kernels() {
  static const std::vector<FrameKernels> sets = [] {
    std::vector<FrameKernels> found;
#if HWY_ARCH_X86
    const auto add = [&found, supported = hwy::SupportedTargets()](std::int64_t target, const FrameKernels& set) {
      if ((supported & target) != 0) found.push_back(set);
    };
    add(HWY_AVX3, N_AVX3::frame_kernel_set("AVX3"));
    add(HWY_AVX2, N_AVX2::frame_kernel_set("AVX2"));
    add(HWY_SSE4, N_SSE4::frame_kernel_set("SSE4"));
#endif
    return found;
  }();
  return sets;
}

namespace {

/// What was chosen; null = the best. Kept atomic so that a late call is no race.
std::atomic<const FrameKernels*>& chosen_kernels() {
  static std::atomic<const FrameKernels*> chosen{nullptr};
  return chosen;
}

}  // namespace

const FrameKernels& active_frame_kernels() {
  const FrameKernels* const chosen = chosen_kernels().load(std::memory_order_relaxed);
  if (chosen != nullptr) return *chosen;
  return simd_frame_kernels().empty() ? scalar_frame_kernels() : simd_frame_kernels().front();
}

void choose_frame_kernels(std::string_view target) {
  const FrameKernels* chosen = target.empty() ? nullptr : &scalar_frame_kernels();
  // AVX3_VNNI differs from AVX3 for preprocessing only.
  for (const FrameKernels& set : simd_frame_kernels()) {
    if (!target.empty() && target.starts_with(set.name)) chosen = &set;
  }
  chosen_kernels().store(chosen, std::memory_order_relaxed);
}

}  // namespace smol
#endif
