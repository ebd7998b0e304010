#include "codec/png_unfilter.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#define SMOL_HAS_SSE41 1
#endif

namespace smol {
namespace {

enum Filter : int { kNone, kSub, kUp, kAverage, kPaeth };

/// The neighbour nearest to left + up - up_left; ties in this order.
std::uint8_t paeth(int left, int up, int up_left) {
  const int to_left = std::abs(up - up_left), to_up = std::abs(left - up_left),
            to_up_left = std::abs(left + up - 2 * up_left);
  const int nearest_of_ups = to_up <= to_up_left ? up : up_left;
  return static_cast<std::uint8_t>(to_left <= std::min(to_up, to_up_left) ? left : nearest_of_ups);
}

/// `predict(left, up, up_left)` for every byte; left neighbours of the first pixel are 0.
template <typename Predict>
void unfilter_scalar(std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes, std::size_t pixel_bytes,
                     Predict predict) {
  const std::size_t first = std::min(pixel_bytes, num_bytes);
  for (std::size_t i = 0; i < first; ++i) row[i] = static_cast<std::uint8_t>(row[i] + predict(0, previous[i], 0));
  for (std::size_t i = first; i < num_bytes; ++i) {
    row[i] = static_cast<std::uint8_t>(row[i] + predict(row[i - pixel_bytes], previous[i], previous[i - pixel_bytes]));
  }
}

bool unfilter_scalar(int filter, std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes,
                     std::size_t pixel_bytes) {
  switch (filter) {
    case kNone:
      return true;
    case kSub:
      unfilter_scalar(row, previous, num_bytes, pixel_bytes, [](int left, int, int) { return left; });
      return true;
    case kUp:
      unfilter_scalar(row, previous, num_bytes, pixel_bytes, [](int, int up, int) { return up; });
      return true;
    case kAverage:
      unfilter_scalar(row, previous, num_bytes, pixel_bytes, [](int left, int up, int) { return (left + up) / 2; });
      return true;
    case kPaeth:
      unfilter_scalar(row, previous, num_bytes, pixel_bytes, paeth);
      return true;
    default:
      return false;
  }
}

#ifdef SMOL_HAS_SSE41
#define SMOL_SSE41 __attribute__((target("sse4.1")))

SMOL_SSE41 inline __m128i load_pixel(const std::uint8_t* bytes) {
  std::int32_t value;
  std::memcpy(&value, bytes, sizeof value);
  return _mm_cvtsi32_si128(value);
}

/// 3-byte pixels are loaded and stored as 4 bytes: the pixel after is in a register before it is overwritten, and the
/// last one is stored byte by byte.
template <int kPixelBytes>
SMOL_SSE41 inline void store_pixel(std::uint8_t* bytes, __m128i pixel, bool last) {
  const std::int32_t value = _mm_cvtsi128_si32(pixel);
  std::memcpy(bytes, &value, kPixelBytes == 4 || !last ? 4 : 3);
}

/// Walks over pixels. `unfilter(raw, up, up_left)` returns the pixel and keeps what it needs of the left one.
template <int kPixelBytes, typename Unfilter>
SMOL_SSE41 inline void unfilter_pixels(std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes,
                                       Unfilter unfilter) {
  // Reads up to one byte past the row, which is the next row's filter byte or padding.
  __m128i raw = load_pixel(row);
  for (std::size_t i = 0; i < num_bytes; i += kPixelBytes) {
    const bool last = i + kPixelBytes >= num_bytes;
    const __m128i next = last ? raw : load_pixel(row + i + kPixelBytes);
    store_pixel<kPixelBytes>(row + i, unfilter(raw, load_pixel(previous + i)), last);
    raw = next;
  }
}

struct SubSse41 {
  __m128i left = _mm_setzero_si128();
  SMOL_SSE41 __m128i operator()(__m128i raw, __m128i) { return left = _mm_add_epi8(raw, left); }
};

struct AverageSse41 {
  __m128i left = _mm_setzero_si128();
  SMOL_SSE41 __m128i operator()(__m128i raw, __m128i up) {
    // pavgb rounds up; PNG rounds down.
    const __m128i odd = _mm_and_si128(_mm_xor_si128(left, up), _mm_set1_epi8(1));
    return left = _mm_add_epi8(raw, _mm_sub_epi8(_mm_avg_epu8(left, up), odd));
  }
};

/// Pixels depend on their left neighbour, so latency is all that counts: `left` stays in 16-bit lanes (high bytes 0), all
/// three sums are made before the choice, and six instructions lie between one pixel and the next.
struct PaethSse41 {
  __m128i left = _mm_setzero_si128(), up_left = _mm_setzero_si128();
  SMOL_SSE41 __m128i operator()(__m128i raw8, __m128i up8) {
    const __m128i raw = _mm_cvtepu8_epi16(raw8), up = _mm_cvtepu8_epi16(up8);
    const __m128i from_left = _mm_sub_epi16(up, up_left), from_up = _mm_sub_epi16(left, up_left);
    const __m128i to_left = _mm_abs_epi16(from_left), to_up = _mm_abs_epi16(from_up);
    const __m128i to_up_left = _mm_abs_epi16(_mm_add_epi16(from_left, from_up));
    const __m128i by_ups =
        _mm_blendv_epi8(_mm_add_epi8(raw, up), _mm_add_epi8(raw, up_left), _mm_cmpgt_epi16(to_up, to_up_left));
    const __m128i ups_nearer = _mm_cmpgt_epi16(to_left, _mm_min_epi16(to_up, to_up_left));
    left = _mm_blendv_epi8(_mm_add_epi8(raw, left), by_ups, ups_nearer);
    up_left = up;
    return _mm_packus_epi16(left, left);
  }
};

SMOL_SSE41 void unfilter_up_sse41(std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes) {
  std::size_t i = 0;
  for (; i + 16 <= num_bytes; i += 16) {
    auto* const target = reinterpret_cast<__m128i*>(row + i);
    const __m128i up = _mm_loadu_si128(reinterpret_cast<const __m128i*>(previous + i));
    _mm_storeu_si128(target, _mm_add_epi8(_mm_loadu_si128(target), up));
  }
  for (; i < num_bytes; ++i) row[i] = static_cast<std::uint8_t>(row[i] + previous[i]);
}

template <int kPixelBytes>
SMOL_SSE41 bool unfilter_sse41(int filter, std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes) {
  switch (filter) {
    case kSub:
      unfilter_pixels<kPixelBytes>(row, previous, num_bytes, SubSse41());
      return true;
    case kAverage:
      unfilter_pixels<kPixelBytes>(row, previous, num_bytes, AverageSse41());
      return true;
    case kPaeth:
      unfilter_pixels<kPixelBytes>(row, previous, num_bytes, PaethSse41());
      return true;
    default:
      return false;
  }
}
#endif

}  // namespace

UnfilterKernel best_unfilter_kernel() {
#ifdef SMOL_HAS_SSE41
  if (__builtin_cpu_supports("sse4.1")) return UnfilterKernel::kSse41;
#endif
  return UnfilterKernel::kScalar;
}

bool unfilter_row(UnfilterKernel kernel, int filter, std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes,
                  int pixel_bytes) {
#ifdef SMOL_HAS_SSE41
  if (kernel == UnfilterKernel::kSse41 && filter != kNone) {
    if (filter == kUp) return unfilter_up_sse41(row, previous, num_bytes), true;
    if (pixel_bytes == 3) return unfilter_sse41<3>(filter, row, previous, num_bytes);
    if (pixel_bytes == 4) return unfilter_sse41<4>(filter, row, previous, num_bytes);
  }
#else
  static_cast<void>(kernel);
#endif
  return unfilter_scalar(filter, row, previous, num_bytes, static_cast<std::size_t>(pixel_bytes));
}

}  // namespace smol
