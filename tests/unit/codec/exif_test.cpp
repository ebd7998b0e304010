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

/// IFD0 without entries, then IFD1 with offset and size of the thumbnail, then its bytes 1, 2, 3.
Bytes tiff_with_thumbnail(std::uint8_t offset, std::uint8_t size, std::uint8_t second = 14) {
  Bytes block{'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, second, 0, 0, 0, 2, 0};
  for (const auto& [tag, value] : {std::pair<std::uint8_t, std::uint8_t>{0x01, offset}, {0x02, size}}) {
    block.insert(block.end(), {tag, 0x02, 4, 0, 1, 0, 0, 0, value, 0, 0, 0});
  }
  block.insert(block.end(), {0, 0, 0, 0, 1, 2, 3});
  return block;
}

TEST(ExifTest, finds_thumbnails_that_lie_in_the_block) {
  const auto found = [](const Bytes& block) {
    const ByteView thumbnail = exif_thumbnail(block);
    return Bytes(thumbnail.begin(), thumbnail.end());
  };
  EXPECT_EQ(found(tiff_with_thumbnail(44, 3)), (Bytes{1, 2, 3}));
  EXPECT_EQ(found(tiff_with_thumbnail(45, 1)), Bytes{2});
  EXPECT_EQ(found(tiff_with_thumbnail(44, 4)), Bytes{}) << "one byte more than there is";
  EXPECT_EQ(found(tiff_with_thumbnail(200, 1)), Bytes{});
  EXPECT_EQ(found(tiff_with_thumbnail(44, 3, 0)), Bytes{}) << "no second directory";
  EXPECT_EQ(found(tiff_with_thumbnail(44, 3, 250)), Bytes{});
  const Bytes whole = tiff_with_thumbnail(44, 3);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of its own size, so that AddressSanitizer sees every byte too many.
    EXPECT_EQ(found(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))), Bytes{});
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
