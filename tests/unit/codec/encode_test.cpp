#include "codec/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>

#include "temporary_folder.h"
#include "unit/codec/jpeg_fixture.h"

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;

constexpr PixelFormat kEncodable[] = {PixelFormat::kRgb8, PixelFormat::kRgbx8, PixelFormat::kGray8};
constexpr Size kSizes[] = {{1, 1}, {17, 13}, {64, 5}, {3, 200}, {333, 250}};

/// Colours that change slowly, with some noise; the rows have gaps.
Image make_picture(PixelFormat format, Size size, unsigned seed = 1) {
  std::mt19937 random(seed);
  Image image(format, size.width, size.height);
  const int step = bytes_per_pixel(format);
  for (int y = 0; y < size.height; ++y) {
    for (int i = 0; i < size.width * step; ++i) {
      const int value = 40 + 100 * (i % step) / step + 50 * (i / step) / size.width + 40 * y / size.height;
      image.view().row(y)[i] = static_cast<std::uint8_t>(value + static_cast<int>(random() % 16));
    }
  }
  return image;
}

/// Rows without gaps and without the byte that is ignored.
Bytes packed(const ImageView& view) {
  Bytes bytes;
  const int step = bytes_per_pixel(view.format);
  for (int y = 0; y < view.height; ++y) {
    for (int x = 0; x < view.width; ++x) {
      const std::uint8_t* const pixel = view.row(y) + static_cast<std::ptrdiff_t>(x) * step;
      bytes.insert(bytes.end(), pixel, pixel + num_channels(view.format));
    }
  }
  return bytes;
}

Bytes encoded(const ImageView& view, std::string_view format) {
  Bytes bytes;
  const Status status = encode(view, parse_encode_format(format).value(), bytes);
  EXPECT_TRUE(status.ok()) << status.error().to_string();
  return bytes;
}

Bytes decoded(const Bytes& bytes, PixelFormat format, ImageHeader* header = nullptr) {
  const CodecRegistry registry = built_in_codecs();
  const Codec* const codec = registry.sniff(bytes);
  if (codec == nullptr) return {};
  const auto decoder = codec->create_decoder();
  if (header != nullptr) *header = decoder->probe(bytes).value();
  DecodeRequest request;
  request.format = format;
  request.fail_on = FailOn::kWarning;
  Image image;
  EXPECT_TRUE(decode_to_image(*decoder, bytes, request, image).ok());
  return packed(image.view());
}

PixelFormat decodable(PixelFormat format) {
  return format == PixelFormat::kGray8 ? PixelFormat::kGray8 : PixelFormat::kRgb8;
}

double mean_difference(const Bytes& a, const Bytes& b) {
  EXPECT_EQ(a.size(), b.size());
  const double sum = std::transform_reduce(a.begin(), a.end(), b.begin(), 0.0, std::plus<>(),
                                           [](int left, int right) { return std::abs(left - right); });
  return sum / static_cast<double>(a.size());
}

TEST(EncodeTest, formats_are_parsed_and_have_extensions) {
  EXPECT_EQ(parse_encode_format("jpeg")->quality, 90);
  EXPECT_EQ(parse_encode_format("jpg:1")->quality, 1);
  EXPECT_EQ(parse_encode_format("jpeg:100")->quality, 100);
  EXPECT_EQ(parse_encode_format("jpeg:75")->extension(), ".jpg");
  EXPECT_EQ(parse_encode_format("png")->extension(), ".png");
  EXPECT_EQ(parse_encode_format("ppm")->extension(), ".ppm");
}

TEST(EncodeTest, other_formats_are_refused_with_what_is_allowed) {
  for (const char* text : {"", "bmp", "JPEG", "jpeg:", "jpeg:90:", "jpeg:90:411", "jpeg::444", "png:444", "jpeg:0",
                           "jpeg:101", "jpeg:-5", "jpeg:9x", "jpeg: 9", "png:6", "ppm:", "jpeg:99999999999"}) {
    const auto format = parse_encode_format(text);
    ASSERT_FALSE(format.ok()) << text;
    EXPECT_EQ(format.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(format.error().message, HasSubstr("jpeg, jpeg:QUALITY (1..100), jpeg:QUALITY:SAMPLING"));
  }
}

TEST(EncodeTest, png_keeps_every_pixel) {
  for (const PixelFormat format : kEncodable) {
    for (const Size size : kSizes) {
      SCOPED_TRACE(std::string(name_of(format)) + " " + std::to_string(size.width) + "x" + std::to_string(size.height));
      const Image picture = make_picture(format, size);
      ImageHeader header;
      EXPECT_EQ(decoded(encoded(picture.view(), "png"), decodable(format), &header), packed(picture.view()));
      EXPECT_EQ(header.format, "png");
      EXPECT_EQ(header.is_gray(), format == PixelFormat::kGray8);
      EXPECT_EQ(header.bits, 8);
      EXPECT_FALSE(header.alpha || header.palette || header.progressive);
    }
  }
}

TEST(EncodeTest, jpeg_is_baseline_with_halved_chroma_and_near_the_picture) {
  for (const PixelFormat format : kEncodable) {
    for (const Size size : kSizes) {
      SCOPED_TRACE(std::string(name_of(format)) + " " + std::to_string(size.width) + "x" + std::to_string(size.height));
      const Image picture = make_picture(format, size);
      ImageHeader header;
      const Bytes pixels = decoded(encoded(picture.view(), "jpeg:90"), decodable(format), &header);
      EXPECT_LT(mean_difference(pixels, packed(picture.view())), 8);
      EXPECT_EQ((Size{header.width, header.height}), size);
      EXPECT_FALSE(header.progressive);
      const int factor = format == PixelFormat::kGray8 ? 1 : 2;
      EXPECT_EQ(header.channels, num_channels(format));
      EXPECT_EQ(header.chroma_horizontal, factor);
      EXPECT_EQ(header.chroma_vertical, factor);
    }
  }
}

TEST(EncodeTest, more_quality_is_nearer_and_larger) {
  const Image picture = make_picture(PixelFormat::kGray8, {333, 250});
  double worse = 255;
  std::size_t smaller = 0;
  for (const char* format : {"jpeg:1", "jpeg:20", "jpeg:50", "jpeg:75", "jpeg:90", "jpeg:100"}) {
    const Bytes bytes = encoded(picture.view(), format);
    const double difference = mean_difference(decoded(bytes, PixelFormat::kGray8), packed(picture.view()));
    EXPECT_LT(difference, worse) << format;
    EXPECT_GT(bytes.size(), smaller) << format;
    worse = difference;
    smaller = bytes.size();
  }
  EXPECT_LT(worse, 0.6);
}

TEST(EncodeTest, the_ignored_byte_changes_nothing) {
  Image with = make_picture(PixelFormat::kRgbx8, {40, 30});
  Image without(PixelFormat::kRgb8, 40, 30);
  for (int y = 0; y < 30; ++y) {
    for (int x = 0; x < 40; ++x) std::copy_n(with.view().row(y) + 4 * x, 3, without.view().row(y) + 3 * x);
  }
  for (const char* format : {"jpeg", "png", "ppm"}) {
    EXPECT_EQ(encoded(with.view(), format), encoded(without.view(), format)) << format;
  }
}

TEST(EncodeTest, bytes_are_appended) {
  const Image picture = make_picture(PixelFormat::kRgb8, {333, 250});
  for (const char* format : {"jpeg", "png", "ppm"}) {
    Bytes bytes{1, 2, 3};
    ASSERT_TRUE(encode(picture.view(), parse_encode_format(format).value(), bytes).ok());
    Bytes expected{1, 2, 3};
    const Bytes alone = encoded(picture.view(), format);
    expected.insert(expected.end(), alone.begin(), alone.end());
    EXPECT_EQ(bytes, expected) << format;
  }
}

TEST(EncodeTest, what_cannot_be_encoded_is_an_error_and_appends_nothing) {
  Image bgr(PixelFormat::kBgr8, 8, 8), wide(PixelFormat::kGray8, 65536, 1), rgb(PixelFormat::kRgb8, 8, 8);
  ImageView planes = rgb.view();
  planes.format = PixelFormat::kYcc8Planar;
  ImageView empty = rgb.view();
  empty.height = 0;
  struct Case {
    ImageView picture;
    std::vector<const char*> formats;
    const char* says;
  };
  for (const Case& c :
       {Case{bgr.view(), {"jpeg", "png", "ppm"}, "bgr8"}, Case{planes, {"jpeg", "png", "ppm"}, "rgb8, rgbx8"},
        Case{empty, {"jpeg", "png", "ppm"}, "8x0"}, Case{wide.view(), {"jpeg"}, "65536x1"}}) {
    for (const char* format : c.formats) {
      Bytes bytes{7};
      const Status status = encode(c.picture, parse_encode_format(format).value(), bytes);
      ASSERT_FALSE(status.ok()) << format;
      EXPECT_EQ(status.error().code, ErrorCode::kUnsupported) << format;
      EXPECT_THAT(status.error().message, HasSubstr(c.says)) << format;
      EXPECT_EQ(bytes, Bytes{7}) << format;
    }
  }
}

/// encode_oracle.py checks the files against Pillow's reading of them and, JPEG, against Pillow's own encoding.
TEST(EncodeTest, pillow_reads_the_same_and_writes_the_same_jpeg) {
  const TemporaryFolder folder;
  std::ofstream manifest(folder.path("manifest"));
  int count = 0;
  const auto add = [&](const ImageView& view, const char* format) {
    const std::string stem = std::to_string(count++);
    const Bytes raw = packed(view), file = encoded(view, format);
    folder.write(stem + ".raw", {reinterpret_cast<const char*>(raw.data()), raw.size()});
    folder.write(stem + ".file", {reinterpret_cast<const char*>(file.data()), file.size()});
    manifest << stem << '\t' << view.width << '\t' << view.height << '\t' << num_channels(view.format) << '\t' << format
             << '\n';
  };
  for (const PixelFormat format : kEncodable) {
    for (const Size size : kSizes) {
      const Image picture = make_picture(format, size, 1 + count);
      for (const char* name : {"jpeg:1", "jpeg:40", "jpeg:75", "jpeg:90", "jpeg:100", "png", "ppm"})
        add(picture.view(), name);
    }
  }
  manifest.close();
  const std::string command =
      std::string(SMOL_PYTHON) + " " + SMOL_TESTS_DIR + "/unit/codec/encode_oracle.py " + folder.path();
  EXPECT_EQ(std::system(command.c_str()), 0) << "the oracle disagrees, see above";
}

}  // namespace
}  // namespace smol::testing
