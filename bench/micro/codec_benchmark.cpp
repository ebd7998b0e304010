/// Codecs against their peers on a folder of pictures; every row is "all pictures of that kind, once".
///
///   SMOL_BENCH_PICTURES=folder codec_benchmark --benchmark_enable_random_interleaving=true --benchmark_repetitions=9
///
/// The peers' pixels are compared with ours first; a wrong answer gets no number.

#include <benchmark/benchmark.h>
#include <spng.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "smol/codec.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

const std::vector<Bytes>& pictures(const std::string& format) {
  static std::map<std::string, std::vector<Bytes>> cache;
  auto [entry, is_new] = cache.try_emplace(format);
  const char* const folder = std::getenv("SMOL_BENCH_PICTURES");
  if (!is_new || folder == nullptr) return entry->second;
  const auto registry = smol::built_in_codecs();
  for (const auto& file : std::filesystem::recursive_directory_iterator(folder)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    Bytes bytes{std::istreambuf_iterator<char>(stream), {}};
    const auto* codec = registry.sniff(bytes);
    if (codec != nullptr && codec->name() == format) entry->second.push_back(std::move(bytes));
  }
  return entry->second;
}

/// Touches nothing: the time is the decoder's.
class Sink final : public smol::RowConsumer {
 public:
  smol::Status begin(const smol::Rect&, smol::Size, smol::PixelFormat) override { return {}; }
  bool rows(int, const smol::ImageView& rows) override {
    benchmark::DoNotOptimize(rows.planes[0].data[0]);
    return true;
  }
};

/// RGB by libspng and zlib, as an application would call them.
bool decode_with_spng(const Bytes& bytes, Bytes& pixels) {
  spng_ctx* const context = spng_ctx_new(0);
  spng_set_png_buffer(context, bytes.data(), bytes.size());
  std::size_t size = 0;
  bool ok = spng_decoded_image_size(context, SPNG_FMT_RGB8, &size) == 0;
  if (ok) {
    pixels.resize(size);
    ok = spng_decode_image(context, pixels.data(), size, SPNG_FMT_RGB8, 0) == 0;
  }
  spng_ctx_free(context);
  return ok;
}

bool same_pixels(smol::Decoder& decoder, const Bytes& bytes) {
  smol::Image image;
  smol::DecodeRequest request;
  request.format = smol::PixelFormat::kRgb8;
  Bytes expected;
  if (!decode_to_image(decoder, bytes, request, image) || !decode_with_spng(bytes, expected)) return false;
  const std::size_t row_bytes = std::size_t{3} * static_cast<std::size_t>(image.view().width);
  for (int y = 0; y < image.view().height; ++y) {
    if (std::memcmp(image.view().row(y), expected.data() + y * row_bytes, row_bytes) != 0) return false;
  }
  return true;
}

void finish(benchmark::State& state, const std::vector<Bytes>& all) {
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * all.size()));
}

void png_spng(benchmark::State& state) {
  const auto& all = pictures("png");
  if (all.empty()) return state.SkipWithError("no PNG files in SMOL_BENCH_PICTURES");
  Bytes pixels;
  for ([[maybe_unused]] auto _ : state) {
    for (const Bytes& bytes : all) benchmark::DoNotOptimize(decode_with_spng(bytes, pixels));
  }
  finish(state, all);
}
BENCHMARK(png_spng);

void decode_all(benchmark::State& state, const char* format, smol::PixelFormat pixel_format, int denominator) {
  const auto& all = pictures(format);
  if (all.empty()) return state.SkipWithError("no such files in SMOL_BENCH_PICTURES");
  const auto registry = smol::built_in_codecs();
  const auto decoder = registry.find(format)->create_decoder();
  if (std::strcmp(format, "png") == 0) {
    for (const Bytes& bytes : all) {
      if (!same_pixels(*decoder, bytes)) return state.SkipWithError("pixels differ from libspng's");
    }
  }
  Sink sink;
  smol::DecodeRequest request;
  request.format = pixel_format;
  request.scale_denominator = denominator;
  for ([[maybe_unused]] auto _ : state) {
    for (const Bytes& bytes : all) benchmark::DoNotOptimize(decoder->decode(bytes, request, sink).ok());
  }
  finish(state, all);
}
BENCHMARK_CAPTURE(decode_all, png_rgbx, "png", smol::PixelFormat::kRgbx8, 1);
BENCHMARK_CAPTURE(decode_all, png_rgb, "png", smol::PixelFormat::kRgb8, 1);
BENCHMARK_CAPTURE(decode_all, jpeg_rgbx, "jpeg", smol::PixelFormat::kRgbx8, 1);
BENCHMARK_CAPTURE(decode_all, jpeg_planes, "jpeg", smol::PixelFormat::kYcc8Planar, 1);
BENCHMARK_CAPTURE(decode_all, jpeg_half, "jpeg", smol::PixelFormat::kRgbx8, 2);

void probe_all(benchmark::State& state, const char* format) {
  const auto& all = pictures(format);
  if (all.empty()) return state.SkipWithError("no such files in SMOL_BENCH_PICTURES");
  const auto registry = smol::built_in_codecs();
  const auto decoder = registry.find(format)->create_decoder();
  for ([[maybe_unused]] auto _ : state) {
    for (const Bytes& bytes : all) benchmark::DoNotOptimize(decoder->probe(bytes).ok());
  }
  finish(state, all);
}
BENCHMARK_CAPTURE(probe_all, png, "png");
BENCHMARK_CAPTURE(probe_all, jpeg, "jpeg");

}  // namespace

BENCHMARK_MAIN();
