#include "codec/jpeg.h"

#include "codec/jpeg_decoder.h"
#include "codec/plain_codec.h"

#define SMOL_STRINGIFY_INNER_(x) #x
#define SMOL_STRINGIFY_(x) SMOL_STRINGIFY_INNER_(x)

namespace smol {
namespace {

#ifdef LIBJPEG_TURBO_VERSION
constexpr const char* kDescription =
    "own decoder for baseline, libjpeg-turbo " SMOL_STRINGIFY_(LIBJPEG_TURBO_VERSION) " for the rest";
#else
#error "smol needs libjpeg-turbo: plain libjpeg has neither crop, skip nor RGBX output"
#endif

bool has_jpeg_signature(ByteView bytes) {
  return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
}

}  // namespace

std::unique_ptr<const Codec> create_jpeg_codec() {
  CodecCapabilities capabilities;
  // 3/8, 5/8, ... exist too, but have no SIMD code and were slower than decoding everything.
  capabilities.scale_denominators = {1, 2, 4, 8};
  capabilities.region = true;
  capabilities.early_stop = true;
  capabilities.streams_rows = true;
  capabilities.planar = true;
  capabilities.embedded_thumbnails = true;
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8,
                          PixelFormat::kYcc8Planar};
  return std::make_unique<PlainCodec>(
      CodecFacts{"jpeg", kDescription, has_jpeg_signature, std::move(capabilities), create_decoder_of<JpegDecoder>});
}

}  // namespace smol
