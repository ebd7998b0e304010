#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/video/frame_kernels.h"
#include "smol/video.h"

namespace smol {
namespace {

constexpr ColorMatrix kMatrices[] = {ColorMatrix::kBt601, ColorMatrix::kBt709, ColorMatrix::kBt2020, ColorMatrix::kSmpte240m,
                                     ColorMatrix::kFcc};

/// Planes whose memory ends with their last sample, so that sanitizers see what is read beyond.
struct Frame {
  FramePlanes planes;
  std::array<std::vector<std::uint8_t>, 3> memory;

  Frame(Size size, Size chroma, int bits, unsigned seed, bool upside_down = false) {
    std::mt19937 random(seed);
    planes.width = size.width;
    planes.height = size.height;
    planes.chroma_horizontal = chroma.width;
    planes.chroma_vertical = chroma.height;
    planes.bits = bits;
    for (int i = 0; i < (chroma.width == 0 ? 1 : 3); ++i) {
      const Size own = plane_size(i);
      const int sample_bytes = bits > 8 ? 2 : 1;
      const int stride = (own.width + 5) * sample_bytes;
      memory[i].resize(static_cast<std::size_t>(stride) * (own.height - 1) + own.width * sample_bytes);
      for (std::size_t at = 0; at + sample_bytes <= memory[i].size(); at += sample_bytes) {
        const unsigned sample = random() % 8 == 0 ? (random() % 2) * ((1U << bits) - 1) : random() & ((1U << bits) - 1);
        memory[i][at] = static_cast<std::uint8_t>(sample);
        if (bits > 8) memory[i][at + 1] = static_cast<std::uint8_t>(sample >> 8);
      }
      planes.data[i] = memory[i].data() + (upside_down ? static_cast<std::ptrdiff_t>(stride) * (own.height - 1) : 0);
      planes.stride_bytes[i] = upside_down ? -stride : stride;
    }
  }

  [[nodiscard]] Size plane_size(int plane) const {
    if (plane == 0) return {planes.width, planes.height};
    return {(planes.width + planes.chroma_horizontal - 1) / planes.chroma_horizontal,
            (planes.height + planes.chroma_vertical - 1) / planes.chroma_vertical};
  }
  /// Of the picture's pixel (x, y).
  [[nodiscard]] int sample(int plane, int x, int y) const {
    if (plane > 0) x /= planes.chroma_horizontal, y /= planes.chroma_vertical;
    const std::uint8_t* const row = planes.data[plane] + y * planes.stride_bytes[plane];
    return planes.bits > 8 ? row[2 * x] | row[2 * x + 1] << 8 : row[x];
  }
};

/// The real-valued conversion, from ITU-R BT.601 and its kin.
std::array<double, 3> real_rgb(const Frame& frame, int x, int y) {
  const FramePlanes& planes = frame.planes;
  const double scale = std::ldexp(1, planes.bits - 8), most = std::ldexp(1, planes.bits) - 1;
  double red = 0.299, blue = 0.114;
  if (planes.matrix == ColorMatrix::kBt709) red = 0.2126, blue = 0.0722;
  if (planes.matrix == ColorMatrix::kBt2020) red = 0.2627, blue = 0.0593;
  if (planes.matrix == ColorMatrix::kSmpte240m) red = 0.212, blue = 0.087;
  if (planes.matrix == ColorMatrix::kFcc) red = 0.3, blue = 0.11;
  const double luma =
      planes.full_range ? frame.sample(0, x, y) / most : (frame.sample(0, x, y) - 16 * scale) / (219 * scale);
  const auto chroma = [&](int plane) {
    return (frame.sample(plane, x, y) - 128 * scale) / (planes.full_range ? most : 224 * scale);
  };
  const double r = luma + 2 * (1 - red) * chroma(2), b = luma + 2 * (1 - blue) * chroma(1);
  std::array<double, 3> rgb{r, (luma - red * r - blue * b) / (1 - red - blue), b};
  for (double& value : rgb) value = std::clamp(255 * value, 0.0, 255.0);
  return rgb;
}

/// Keeps what a decoder delivers and looks at what it lets be read.
class Kept final : public RowConsumer {
 public:
  Status begin(const Rect& rect, Size, PixelFormat) override {
    delivered = rect;
    for (auto& plane : planes) plane.clear();
    return {};
  }
  bool rows(int y, const ImageView& view) override {
    EXPECT_EQ(y, delivered.y + num_rows);
    num_rows += view.height;
    for (int i = 0; i < (view.format == PixelFormat::kYcc8Planar ? 3 : 1); ++i) {
      const Plane& plane = view.planes[i];
      widths[i] = plane.width * bytes_per_pixel(view.format);
      for (int row = 0; row < plane.height; ++row) {
        const std::uint8_t* const first = plane.data + row * plane.stride_bytes;
        planes[i].insert(planes[i].end(), first, first + widths[i]);
        for (int past = 0; past < 64; ++past) read_past_end_ = first[widths[i] + past];
      }
    }
    return num_rows < stop_at;
  }
  Rect delivered;
  int num_rows = 0, stop_at = 1 << 30;
  std::array<int, 3> widths{};
  std::array<std::vector<std::uint8_t>, 3> planes;

 private:
  volatile std::uint8_t read_past_end_ = 0;
};

Kept decoded(Decoder& decoder, PixelFormat format, const std::optional<Rect>& region = {}) {
  DecodeRequest request;
  request.format = format;
  request.region = region;
  Kept kept;
  const auto report = decoder.decode({}, request, kept);
  EXPECT_TRUE(report.ok()) << report.error().to_string();
  return kept;
}

TEST(FrameKernelsTest, EverySetGivesTheBitsOfPlainCode) {
  const FrameKernels& plain = scalar_frame_kernels();
  for (const FrameKernels& kernels : simd_frame_kernels()) {
    for (const int bits : {8, 10, 12, 16}) {
      const bool wide = bits > 8;
      const Frame frame({200, 1}, {1, 1}, bits, 7 + static_cast<unsigned>(bits));
      const FrameRow row{{frame.planes.data[0], frame.planes.data[1], frame.planes.data[2]}};
      for (const YccEncoding encoding : {YccEncoding{}, YccEncoding{ColorMatrix::kBt2020, false}}) {
        const YccFactors factors = ycc_factors(encoding, bits);
        for (const auto& [x, width] : {std::pair{0, 200}, {0, 1}, {1, 1}, {1, 199}, {3, 64}, {2, 63}, {7, 129}, {150, 33}}) {
          std::vector<std::uint8_t> ours(4 * static_cast<std::size_t>(width) + 1, 77), expected(ours);
          const auto same = [&](const char* what) {
            EXPECT_EQ(ours, expected) << kernels.name << " " << what << ", bits " << bits << ", " << x << " + " << width;
          };
          for (const int shift : {0, 1, 2}) {
            kernels.ycc[wide][shift](row, factors, x, width, ours.data());
            plain.ycc[wide][shift](row, factors, x, width, expected.data());
            same("ycc");
          }
          kernels.rgb[wide](row, factors, x, width, ours.data());
          plain.rgb[wide](row, factors, x, width, expected.data());
          same("rgb");
          kernels.stretch[wide](row.planes[0], factors.luma_offset, factors.luma, width, ours.data());
          plain.stretch[wide](row.planes[0], factors.luma_offset, factors.luma, width, expected.data());
          same("stretch");
        }
      }
    }
  }
}

TEST(FrameDecoderTest, ColoursAreTheMatrixsToWithinOne) {
  for (const ColorMatrix matrix : kMatrices) {
    for (const bool full_range : {false, true}) {
      for (const int bits : {8, 10, 12, 16}) {
        for (const Size chroma : {Size{1, 1}, Size{2, 1}, Size{2, 2}, Size{4, 1}, Size{1, 2}}) {
          Frame frame({67, 19}, chroma, bits, 1);
          frame.planes.matrix = matrix;
          frame.planes.full_range = full_range;
          const Rect part{5, 3, 61, 13};
          const Kept kept = decoded(*create_frame_decoder(frame.planes, Orientation::kNormal), PixelFormat::kRgb8, part);
          ASSERT_EQ(kept.delivered, part);
          double most = 0;
          for (int y = 0; y < part.height; ++y) {
            for (int x = 0; x < part.width; ++x) {
              const std::array<double, 3> expected = real_rgb(frame, part.x + x, part.y + y);
              for (std::size_t c = 0; c < 3; ++c)
                most = std::max(most, std::abs(kept.planes[0][3 * (std::size_t(y) * part.width + x) + c] - expected[c]));
            }
          }
          EXPECT_LE(most, 1.0) << name_of(matrix) << " full " << full_range << " bits " << bits << " " << chroma.width;
        }
      }
    }
  }
}

TEST(FrameDecoderTest, PlanesAreLentAsTheyAre) {
  for (const Size chroma : {Size{1, 1}, Size{2, 1}, Size{2, 2}, Size{4, 1}, Size{4, 4}, Size{1, 2}}) {
    for (const int bits : {8, 10}) {
      for (const bool upside_down : {false, true}) {
        const Frame frame({67, 53}, chroma, bits, 2, upside_down);
        const auto decoder = create_frame_decoder(frame.planes, Orientation::kNormal);
        for (const Rect region : {Rect{0, 0, 67, 53}, Rect{5, 3, 40, 33}, Rect{66, 52, 1, 1}, Rect{0, 31, 67, 2}}) {
          const Kept kept = decoded(*decoder, PixelFormat::kYcc8Planar, region);
          const Rect& got = kept.delivered;
          ASSERT_TRUE(got.x <= region.x && got.y <= region.y && got.x + got.width >= region.x + region.width &&
                      got.y + got.height >= region.y + region.height && got.x % chroma.width == 0 &&
                      got.y % chroma.height == 0);
          ASSERT_EQ(kept.num_rows, got.height);
          for (int i = 0; i < 3; ++i) {
            const Size step = i == 0 ? Size{1, 1} : chroma;
            std::size_t at = 0;
            for (int y = got.y; y < got.y + got.height; y += step.height) {
              for (int x = got.x; x < got.x + got.width; x += step.width, ++at) {
                const int sample = frame.sample(i, x, y);
                ASSERT_EQ(kept.planes[i].at(at), bits == 8 ? sample : std::min(255, (sample + 2) / 4)) << i << " " << x;
              }
            }
            ASSERT_EQ(at, kept.planes[i].size()) << i;
          }
        }
      }
    }
  }
}

TEST(FrameDecoderTest, HeaderTellsWhatTheFrameIs) {
  const auto decoder = create_frame_decoder();
  EXPECT_EQ(decoder->probe({}).error().code, ErrorCode::kInvalidArgument);
  Kept sink;
  EXPECT_EQ(decoder->decode({}, {}, sink).error().code, ErrorCode::kInvalidArgument);

  Frame frame({32, 16}, {2, 2}, 8, 3);
  frame.planes.matrix = ColorMatrix::kBt709;
  decoder->show(frame.planes, Orientation::kRotate90);
  ImageHeader header = decoder->probe({}).value();
  EXPECT_EQ(header.ycc, (YccEncoding{ColorMatrix::kBt709, false}));
  EXPECT_EQ(header.orientation, Orientation::kRotate90);
  EXPECT_TRUE(header.planar);
  EXPECT_EQ(header.chroma_vertical, 2);

  const Frame gray({20, 10}, {0, 0}, 8, 4);
  decoder->show(gray.planes, Orientation::kNormal);
  header = decoder->probe({}).value();
  EXPECT_TRUE(header.is_gray());
  EXPECT_FALSE(header.planar);
  EXPECT_EQ(decoded(*decoder, PixelFormat::kGray8).planes[0].size(), 200U);
  DecodeRequest request;
  request.format = PixelFormat::kYcc8Planar;
  EXPECT_EQ(decoder->decode({}, request, sink).error().code, ErrorCode::kUnsupported);

  Frame rgb({20, 10}, {1, 1}, 8, 5);
  rgb.planes.is_rgb = true;
  decoder->show(rgb.planes, Orientation::kNormal);
  EXPECT_FALSE(decoder->probe({})->planar);
  const Kept kept = decoded(*decoder, PixelFormat::kRgb8);
  EXPECT_EQ(kept.planes[0][0], rgb.sample(2, 0, 0));
  EXPECT_EQ(kept.planes[0][1], rgb.sample(0, 0, 0));
}

TEST(FrameDecoderTest, StopsWhenToldTo) {
  const Frame frame({64, 64}, {2, 2}, 8, 6);
  const auto decoder = create_frame_decoder(frame.planes, Orientation::kNormal);
  for (const PixelFormat format : frame_capabilities().formats) {
    if (format == PixelFormat::kGray8) continue;
    DecodeRequest request;
    request.format = format;
    Kept some;
    some.stop_at = 20;
    EXPECT_TRUE(decoder->decode({}, request, some).ok());
    EXPECT_EQ(some.num_rows, 32);
    std::stop_source stop;
    stop.request_stop();
    request.stop = stop.get_token();
    Kept none;
    EXPECT_EQ(decoder->decode({}, request, none).error().code, ErrorCode::kCancelled);
    EXPECT_EQ(none.num_rows, 0);
  }
}

}  // namespace
}  // namespace smol
