#pragma once
/// Undoes PNG's row filters in place.

#include <cstddef>
#include <cstdint>

namespace smol {

/// Which code undoes the filters.
enum class UnfilterKernel : std::uint8_t { kScalar, kSse41 };
/// The best of this machine.
[[nodiscard]] UnfilterKernel best_unfilter_kernel();

/// `row` has `num_bytes` filtered bytes and becomes pixels; `previous` is the unfiltered row above (zeros above the
/// first); `pixel_bytes` (1, 2, 3, 4, 6, 8) is the distance of the left neighbour. False when `filter` is not 0..4.
bool unfilter_row(UnfilterKernel kernel, int filter, std::uint8_t* row, const std::uint8_t* previous, std::size_t num_bytes,
                  int pixel_bytes);

}  // namespace smol
