#include "codec/png_unfilter.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace smol::testing {
namespace {

using Row = std::vector<std::uint8_t>;

/// Straight from the PNG specification.
Row unfilter_by_the_book(int filter, const Row& filtered, const Row& above, std::size_t distance) {
  Row row = filtered;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const int a = i >= distance ? row[i - distance] : 0, b = above[i], c = i >= distance ? above[i - distance] : 0;
    const int p = a + b - c, pa = std::abs(p - a), pb = std::abs(p - b), pc = std::abs(p - c);
    const int predictor = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
    const int guesses[] = {0, a, b, (a + b) / 2, predictor};
    row[i] = static_cast<std::uint8_t>(row[i] + guesses[filter]);
  }
  return row;
}

TEST(PngUnfilterTest, equals_the_specification) {
  std::mt19937 random(5);
  for (const UnfilterKernel kernel : {UnfilterKernel::kScalar, best_unfilter_kernel()}) {
    for (int filter = 0; filter < 5; ++filter) {
      for (const std::size_t distance : {1u, 2u, 3u, 4u, 6u, 8u}) {
        for (std::size_t pixels = 1; pixels < 60; ++pixels) {
          Row filtered(pixels * distance), above(pixels * distance);
          for (auto& byte : filtered) byte = static_cast<std::uint8_t>(random());
          for (auto& byte : above) byte = static_cast<std::uint8_t>(random());
          const Row expected = unfilter_by_the_book(filter, filtered, above, distance);
          // The guard byte is the next row's filter type: it must survive.
          constexpr std::uint8_t kGuard = 0xA5;
          Row row = filtered;
          row.push_back(kGuard);
          above.push_back(kGuard);
          ASSERT_TRUE(unfilter_row(kernel, filter, row.data(), above.data(), filtered.size(), static_cast<int>(distance)));
          ASSERT_EQ(row.back(), kGuard);
          row.pop_back();
          ASSERT_EQ(row, expected) << "filter " << filter << ", distance " << distance << ", pixels " << pixels;
        }
      }
    }
  }
}

TEST(PngUnfilterTest, refuses_unknown_filters) {
  Row row(16), above(16);
  for (const int distance : {1, 3, 4}) {
    EXPECT_FALSE(unfilter_row(UnfilterKernel::kScalar, 5, row.data(), above.data(), 12, distance));
    EXPECT_FALSE(unfilter_row(best_unfilter_kernel(), 255, row.data(), above.data(), 12, distance));
  }
}

}  // namespace
}  // namespace smol::testing
