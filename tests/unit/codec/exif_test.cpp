/// Valid blocks of both byte orders are compared with Pillow in codec_pixels_test; here are the broken ones.

#include "codec/exif.h"

#include <gtest/gtest.h>

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes tiff(std::uint8_t type, std::uint8_t value, std::uint8_t count_of_entries = 1) {
  return {'I', 'I', 42, 0, 8, 0, 0, 0, count_of_entries, 0, 0x12, 0x01, type, 0, 1, 0, 0, 0, value, 0, 0, 0, 0, 0, 0, 0};
}

TEST(ExifTest, reads_short_and_long) {
  EXPECT_EQ(exif_orientation(tiff(3, 6)), Orientation::kRotate90);
  EXPECT_EQ(exif_orientation(tiff(4, 8)), Orientation::kRotate270);
}

TEST(ExifTest, takes_anything_wrong_as_upright) {
  EXPECT_EQ(exif_orientation(tiff(3, 0)), Orientation::kNormal);
  EXPECT_EQ(exif_orientation(tiff(3, 9)), Orientation::kNormal);
  EXPECT_EQ(exif_orientation(tiff(2, 6)), Orientation::kNormal) << "ASCII";
  Bytes wrong_order = tiff(3, 6);
  wrong_order[0] = 'X';
  EXPECT_EQ(exif_orientation(wrong_order), Orientation::kNormal);
  Bytes outside = tiff(3, 6);
  outside[4] = outside[5] = outside[6] = outside[7] = 0xFF;
  EXPECT_EQ(exif_orientation(outside), Orientation::kNormal);
}

TEST(ExifTest, never_reads_past_the_end) {
  const Bytes whole = tiff(3, 6, 255);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    // A copy of its own size, so that AddressSanitizer sees every byte too many.
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    static_cast<void>(exif_orientation(cut));
    static_cast<void>(app1_orientation(cut));
  }
}

TEST(ExifTest, tells_exif_from_xmp) {
  Bytes app1{'E', 'x', 'i', 'f', 0, 0};
  const Bytes block = tiff(3, 3);
  app1.insert(app1.end(), block.begin(), block.end());
  EXPECT_EQ(app1_orientation(app1), Orientation::kRotate180);
  app1[0] = 'h';
  EXPECT_FALSE(is_exif_app1(app1));
  EXPECT_EQ(app1_orientation(app1), Orientation::kNormal);
}

}  // namespace
}  // namespace smol::testing
