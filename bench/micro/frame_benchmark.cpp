/// A decoded 1080p frame (4:2:0) to 224x224 RGB: through RGB rows, through planes, and by libswscale.
///
///   frame_benchmark --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
///
/// "whole": the frame becomes 224x224. "crop": the shorter side becomes 256, its centre is kept.

#include <benchmark/benchmark.h>

#include <cmath>
#include <random>

#ifdef SMOL_BENCH_SWSCALE
extern "C" {
#include <libswscale/swscale.h>
}
#endif

#include "smol/preprocess.h"
#include "smol/video.h"

namespace {

constexpr int kWidth = 1920, kHeight = 1080, kSide = 224;

struct Frame {
  std::array<std::vector<std::uint8_t>, 3> memory;
  smol::FramePlanes planes;

  explicit Frame(int bits) {
    std::mt19937 random(1);
    planes.width = kWidth;
    planes.height = kHeight;
    planes.bits = bits;
    planes.matrix = smol::ColorMatrix::kBt709;
    for (std::size_t i = 0; i < 3; ++i) {
      const int width = i == 0 ? kWidth : kWidth / 2, height = i == 0 ? kHeight : kHeight / 2, bytes = bits > 8 ? 2 : 1;
      memory[i].resize(static_cast<std::size_t>(width) * height * bytes);
      for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
          const double wave = std::sin(0.01 * x) * std::cos(0.013 * y);
          const auto sample = static_cast<unsigned>((120 + 90 * wave + random() % 16) * (1 << (bits - 8)));
          std::uint8_t* const at = &memory[i][(static_cast<std::size_t>(y) * width + x) * bytes];
          at[0] = static_cast<std::uint8_t>(sample);
          if (bits > 8) at[1] = static_cast<std::uint8_t>(sample >> 8);
        }
      }
      planes.data[i] = memory[i].data();
      planes.stride_bytes[i] = std::ptrdiff_t{width} * bytes;
    }
  }
};

class Sink final : public smol::RowConsumer {
 public:
  smol::Status begin(const smol::Rect&, smol::Size, smol::PixelFormat) override { return {}; }
  bool rows(int, const smol::ImageView&) override { return true; }
};

void convert(benchmark::State& state, int bits, const char* target) {
  if (!smol::set_simd_target(target)) return state.SkipWithError("not on this machine");
  const Frame frame(bits);
  const auto decoder = smol::create_frame_decoder();
  Sink sink;
  for ([[maybe_unused]] auto _ : state) {
    decoder->show(frame.planes, smol::Orientation::kNormal);
    benchmark::DoNotOptimize(decoder->decode({}, {}, sink).ok());
  }
  (void)smol::set_simd_target("");
}
BENCHMARK_CAPTURE(convert, scalar, 8, "scalar")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(convert, sse4, 8, "SSE4")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(convert, avx2, 8, "AVX2")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(convert, avx3, 8, "AVX3")->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(convert, best_10_bits, 10, "")->Unit(benchmark::kMillisecond);

void resize(benchmark::State& state, int bits, smol::PixelFormat format, std::initializer_list<const char*> texts) {
  const Frame frame(bits);
  smol::PhysicalPipeline pipeline;
  pipeline.decode = {1, true, true, format};
  pipeline.label = smol::FidelityLabel::kLossy;
  std::vector<smol::Operator> operators;
  for (const char* const text : texts) operators.push_back(smol::parse_operator(text).value());
  pipeline.host_steps.emplace_back(smol::FusedStep{operators, 22});
  const auto preprocessor = smol::create_preprocessor(pipeline).value();
  const smol::OutputSpec spec = preprocessor->output();
  std::vector<std::uint8_t> tensor(std::size_t{3} * kSide * kSide);
  const smol::TensorSlot slot{tensor.data(), spec.dtype, spec.layout, spec.color, spec.width, spec.height};
  const auto decoder = smol::create_frame_decoder();
  for ([[maybe_unused]] auto _ : state) {
    decoder->show(frame.planes, smol::Orientation::kNormal);
    const smol::ImageHeader header = decoder->probe({}).value();
    if (!preprocessor->run(*decoder, {}, header, {}, slot)) return state.SkipWithError("failed");
  }
}
constexpr std::initializer_list<const char*> kWhole{"resize(size=224x224, filter=bilinear)"};
constexpr std::initializer_list<const char*> kCrop{"resize(short_side=256, filter=bilinear)", "center_crop(224x224)"};
BENCHMARK_CAPTURE(resize, rgb_whole, 8, smol::PixelFormat::kRgbx8, kWhole)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize, planes_whole, 8, smol::PixelFormat::kYcc8Planar, kWhole)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize, rgb_crop, 8, smol::PixelFormat::kRgbx8, kCrop)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize, planes_crop, 8, smol::PixelFormat::kYcc8Planar, kCrop)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize, rgb_whole_10_bits, 10, smol::PixelFormat::kRgbx8, kWhole)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(resize, planes_whole_10_bits, 10, smol::PixelFormat::kYcc8Planar, kWhole)->Unit(benchmark::kMillisecond);

#ifdef SMOL_BENCH_SWSCALE
void swscale(benchmark::State& state, int width, int height, int flags) {
  const Frame frame(8);
  SwsContext* const context =
      sws_getContext(kWidth, kHeight, AV_PIX_FMT_YUV420P, width, height, AV_PIX_FMT_RGB24, flags, nullptr, nullptr, nullptr);
  std::vector<std::uint8_t> rgb(std::size_t{3} * width * height + 64);
  std::uint8_t* const out[] = {rgb.data()};
  const int out_stride[] = {3 * width}, strides[] = {kWidth, kWidth / 2, kWidth / 2};
  for ([[maybe_unused]] auto _ : state)
    benchmark::DoNotOptimize(sws_scale(context, frame.planes.data.data(), strides, 0, kHeight, out, out_stride));
  sws_freeContext(context);
}
BENCHMARK_CAPTURE(swscale, convert, kWidth, kHeight, SWS_BILINEAR)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(swscale, whole_bilinear, kSide, kSide, SWS_BILINEAR)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(swscale, whole_fast_bilinear, kSide, kSide, SWS_FAST_BILINEAR)->Unit(benchmark::kMillisecond);
#endif

}  // namespace

BENCHMARK_MAIN();
