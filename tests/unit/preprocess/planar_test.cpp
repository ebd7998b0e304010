// Planes resized before colour conversion: each plane is Pillow's resize of that plane, with the fractional box of its
// sampling.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "pillow_oracle.h"
#include "smol/video.h"
#include "unit/codec/jpeg_fixture.h"

namespace smol::test {
namespace {

int divided_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

/// Delivers planes in groups of 16 luma rows, whole rows, as JPEG does.
class PlaneDecoder : public Decoder {
 public:
  PlaneDecoder(Size size, Size chroma) : size_(size), chroma_(chroma) {
    for (unsigned i = 0; i < 3; ++i) {
      sizes_[i] = i == 0 ? size : Size{divided_up(size.width, chroma.width), divided_up(size.height, chroma.height)};
      planes_[i] = random_pixels(sizes_[i], 1, 20 + i);
      padded_[i] = planes_[i];
      padded_[i].resize(planes_[i].size() + 64);
    }
  }

  Result<ImageHeader> probe(ByteView) override { return header(); }
  [[nodiscard]] ImageHeader header() const {
    ImageHeader header;
    header.width = size_.width;
    header.height = size_.height;
    header.chroma_horizontal = chroma_.width;
    header.chroma_vertical = chroma_.height;
    return header;
  }

  Result<DecodeReport> decode(ByteView, const DecodeRequest& request, RowConsumer& consumer) override {
    constexpr int kGroup = 16;
    const Rect region = request.region.value_or(Rect{0, 0, size_.width, size_.height});
    const int first = region.y / kGroup * kGroup;
    const int end = std::min(divided_up(region.y + region.height, kGroup) * kGroup, size_.height);
    SMOL_RETURN_IF_ERROR(consumer.begin({0, first, size_.width, end - first}, size_, PixelFormat::kYcc8Planar));
    for (int y = first; y < end; y += kGroup) {
      ImageView view;
      view.format = PixelFormat::kYcc8Planar;
      view.width = size_.width;
      view.height = std::min(kGroup, end - y);
      for (std::size_t i = 0; i < 3; ++i) {
        const int factor = i == 0 ? 1 : chroma_.height;
        view.planes[i] = {padded_[i].data() + std::ptrdiff_t{y / factor} * sizes_[i].width, sizes_[i].width, sizes_[i].width,
                          std::min(kGroup / factor, sizes_[i].height - y / factor)};
      }
      if (!consumer.rows(y, view)) break;
    }
    return DecodeReport{};
  }

  [[nodiscard]] const std::vector<std::uint8_t>& plane(std::size_t i) const { return planes_[i]; }
  [[nodiscard]] Size plane_size(std::size_t i) const { return sizes_[i]; }

 private:
  Size size_, chroma_;
  std::array<Size, 3> sizes_;
  std::array<std::vector<std::uint8_t>, 3> planes_, padded_;
};

/// libjpeg's YCbCr to RGB, with the constants of its source.
std::array<std::uint8_t, 3> rgb_of(int y, int cb, int cr) {
  const auto clip = [](int v) { return static_cast<std::uint8_t>(std::clamp(v, 0, 255)); };
  const auto rounded = [](double v) { return static_cast<int>(std::lround(v * 65536)); };
  return {clip(y + ((rounded(1.402) * (cr - 128) + 32768) >> 16)),
          clip(y + ((-rounded(0.34414) * (cb - 128) - rounded(0.71414) * (cr - 128) + 32768) >> 16)),
          clip(y + ((rounded(1.772) * (cb - 128) + 32768) >> 16))};
}

std::vector<std::uint8_t> expected_picture(const PlaneDecoder& decoder, Size size, Size chroma, const std::string& resized) {
  std::vector<OracleCase> cases;
  for (std::size_t i = 0; i < 3; ++i) {
    const Size factor = i == 0 ? Size{1, 1} : chroma;
    const std::string box = std::to_string(static_cast<double>(size.width) / factor.width) + "," +
                            std::to_string(static_cast<double>(size.height) / factor.height);
    cases.push_back({decoder.plane_size(i),
                     1,
                     Orientation::kNormal,
                     "box_resize(size=" + resized + ", filter=bilinear, box=[0,0," + box + "]) | center_crop(56x56)",
                     decoder.plane(i),
                     {},
                     {}});
  }
  EXPECT_TRUE(run_oracle(cases));
  std::vector<std::uint8_t> picture;
  for (std::size_t i = 0; i < cases[0].expected.size(); ++i) {
    const auto rgb = rgb_of(cases[0].expected[i], cases[1].expected[i], cases[2].expected[i]);
    picture.insert(picture.end(), rgb.begin(), rgb.end());
  }
  return picture;
}

TEST(PlanarTest, EachPlaneIsResizedFromItsOwnSampling) {
  const Size size{203, 157};
  for (const Size chroma : {Size{1, 1}, Size{2, 1}, Size{2, 2}, Size{1, 2}, Size{4, 1}}) {
    PlaneDecoder decoder(size, chroma);
    const auto expected = expected_picture(decoder, size, chroma, "82x64");
    PhysicalPipeline pipeline = fused_pipeline("resize(short_side=64, filter=bilinear) | center_crop(56x56)");
    pipeline.decode = {1, true, true, PixelFormat::kYcc8Planar};
    pipeline.label = FidelityLabel::kLossy;
    const auto preprocessor = create_preprocessor(pipeline).value();
    Tensor tensor(preprocessor->output());
    for (const std::string& target : simd_targets()) {
      ASSERT_TRUE(set_simd_target(target));
      ImageHeader header = decoder.header();
      for (const bool header_is_right : {true, false}) {
        if (!header_is_right) header.chroma_horizontal = header.chroma_vertical = 4;
        const auto report = preprocessor->run(decoder, {}, header, {}, tensor.slot);
        ASSERT_TRUE(report) << report.error().to_string();
        EXPECT_EQ(difference(tensor.bytes, expected), "") << target << " " << chroma.width << "x" << chroma.height;
      }
    }
    ASSERT_TRUE(set_simd_target(""));
  }
}

TEST(PlanarTest, LetterboxIsPaintedAroundThePlanes) {
  PlaneDecoder decoder({100, 50}, {2, 2});
  PhysicalPipeline pipeline =
      fused_pipeline("resize(fit=40x40, filter=bilinear) | pad(40x40, value=[9,8,7], centered=true) | color(BGR)");
  pipeline.decode.format = PixelFormat::kYcc8Planar;
  pipeline.label = FidelityLabel::kLossy;
  const auto preprocessor = create_preprocessor(pipeline).value();
  Tensor tensor(preprocessor->output());
  ASSERT_TRUE(preprocessor->run(decoder, {}, decoder.header(), {}, tensor.slot));
  EXPECT_EQ(tensor.bytes[0], 7);
  EXPECT_EQ(tensor.bytes[2], 9);
  EXPECT_EQ(tensor.bytes[(40 * 9 + 39) * 3 + 1], 8);
}

/// Noise-free motion of colours, as cameras give them: what the planes of a frame and its RGB pixels have in common.
struct SmoothFrame {
  FramePlanes planes;
  std::array<std::vector<std::uint8_t>, 3> memory;

  SmoothFrame(Size size, int bits) {
    planes.width = size.width;
    planes.height = size.height;
    planes.bits = bits;
    for (std::size_t i = 0; i < 3; ++i) {
      const int step = i == 0 ? 1 : 2, bytes = bits > 8 ? 2 : 1;
      const Size own{divided_up(size.width, step), divided_up(size.height, step)};
      memory[i].resize(static_cast<std::size_t>(own.width) * own.height * bytes);
      planes.data[i] = memory[i].data();
      planes.stride_bytes[i] = std::ptrdiff_t{own.width} * bytes;
      for (int y = 0; y < own.height; ++y) {
        for (int x = 0; x < own.width; ++x) {
          const double wave = std::sin(0.021 * step * x + static_cast<double>(i)) * std::cos(0.017 * step * y);
          const int sample = static_cast<int>(std::lround((126 + (i == 0 ? 80 : 40) * wave) * (1 << (bits - 8))));
          std::uint8_t* const at = &memory[i][(static_cast<std::size_t>(y) * own.width + x) * bytes];
          at[0] = static_cast<std::uint8_t>(sample);
          if (bits > 8) at[1] = static_cast<std::uint8_t>(sample >> 8);
        }
      }
    }
  }
};

/// The label "lossy" of this form is about detail, not about colours: those are the frame's own.
TEST(PlanarTest, FramesAreColouredByTheirOwnMatrixAndRange) {
  for (const ColorMatrix matrix : {ColorMatrix::kBt601, ColorMatrix::kBt709, ColorMatrix::kBt2020}) {
    for (const bool full_range : {false, true}) {
      for (const int bits : {8, 10}) {
        SmoothFrame frame({641, 363}, bits);
        frame.planes.matrix = matrix;
        frame.planes.full_range = full_range;
        const auto decoder = create_frame_decoder(frame.planes, Orientation::kRotate90);
        std::vector<std::vector<std::uint8_t>> results;
        for (const PixelFormat format : {PixelFormat::kRgbx8, PixelFormat::kYcc8Planar}) {
          PhysicalPipeline pipeline =
              fused_pipeline("orient() | resize(short_side=96, filter=bilinear) | center_crop(90x90)");
          pipeline.decode = {1, true, true, format};
          if (format == PixelFormat::kYcc8Planar) pipeline.label = FidelityLabel::kLossy;
          const auto preprocessor = create_preprocessor(pipeline).value();
          Tensor tensor(preprocessor->output());
          const auto report = preprocessor->run(*decoder, {}, decoder->probe({}).value(), {}, tensor.slot);
          ASSERT_TRUE(report) << report.error().to_string();
          results.push_back(tensor.bytes);
        }
        int most = 0;
        double sum = 0;
        for (std::size_t i = 0; i < results[0].size(); ++i) {
          const int difference = std::abs(results[0][i] - results[1][i]);
          most = std::max(most, difference);
          sum += difference;
        }
        const std::string which =
            std::string(name_of(matrix)) + (full_range ? " full " : " limited ") + std::to_string(bits);
        EXPECT_LE(most, 4) << which;
        EXPECT_LE(sum / static_cast<double>(results[0].size()), 0.8) << which;
        EXPECT_GT(sum, 0) << "two forms, not one";
      }
    }
  }
}

/// Columns and rows that are not needed may be left out without a trace, wherever the decoder then begins. The last MCU is
/// one pixel wide and high.
TEST(PlanarTest, RegionsOfJpegsGiveTheSameBits) {
  for (const auto& [horizontal, vertical] :
       {std::pair{1, 1}, std::pair{2, 1}, std::pair{2, 2}, std::pair{1, 2}, std::pair{4, 1}}) {
    for (const bool progressive : {false, true}) {
      const auto bytes = testing::encode_jpeg(
          {.width = 289, .height = 209, .horizontal = horizontal, .vertical = vertical, .progressive = progressive});
      const auto decoder = built_in_codecs().find("jpeg")->create_decoder();
      const ImageHeader header = decoder->probe(bytes).value();
      for (const int denominator : {1, 2}) {
        for (const Rect roi : {Rect{0, 0, 289, 209}, Rect{40, 30, 60, 50}, Rect{283, 203, 6, 6}, Rect{0, 100, 9, 9},
                               Rect{288, 0, 1, 209}, Rect{0, 208, 289, 1}}) {
          std::vector<std::vector<std::uint8_t>> results;
          for (const bool region : {false, true}) {
            PhysicalPipeline pipeline = fused_pipeline("resize(short_side=64, filter=lanczos) | center_crop(40x40)");
            pipeline.decode = {denominator, region, region, PixelFormat::kYcc8Planar};
            pipeline.label = FidelityLabel::kLossy;
            const auto preprocessor = create_preprocessor(pipeline).value();
            Tensor tensor(preprocessor->output());
            PreprocessOptions options;
            options.roi = roi;
            const auto report = preprocessor->run(*decoder, bytes, header, options, tensor.slot);
            ASSERT_TRUE(report) << report.error().to_string();
            results.push_back(tensor.bytes);
          }
          EXPECT_EQ(difference(results[1], results[0]), "")
              << horizontal << "x" << vertical << " 1/" << denominator << " " << roi.x << "," << roi.y;
        }
      }
    }
  }
}

}  // namespace
}  // namespace smol::test
