#include "codec/jpeg.h"

#include "codec/jpeg_decoder.h"

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

class JpegCodec final : public Codec {
 public:
  JpegCodec() {
    // 3/8, 5/8, ... exist too, but have no SIMD code and were slower than decoding everything.
    capabilities_.scale_denominators = {1, 2, 4, 8};
    capabilities_.region = true;
    capabilities_.early_stop = true;
    capabilities_.streams_rows = true;
    capabilities_.planar = true;
    capabilities_.embedded_thumbnails = true;
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8,
                             PixelFormat::kYcc8Planar};
  }
  [[nodiscard]] std::string_view name() const override { return "jpeg"; }
  [[nodiscard]] std::string_view description() const override { return kDescription; }
  [[nodiscard]] bool sniff(ByteView bytes) const override {
    return bytes.size() >= 3 && bytes[0] == 0xFF && bytes[1] == 0xD8 && bytes[2] == 0xFF;
  }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<JpegDecoder>(); }

 private:
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_jpeg_codec() { return std::make_unique<JpegCodec>(); }

}  // namespace smol
