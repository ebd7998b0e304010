#include "codec/webp.h"

#include <webp/decode.h>

#include <string>

#include "codec/webp_decoder.h"

namespace smol {
namespace {

std::string library_version() {
  const int version = WebPGetDecoderVersion();
  return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 255) + "." + std::to_string(version & 255);
}

class WebpCodec final : public Codec {
 public:
  WebpCodec() : description_("libwebp " + library_version()) {
    capabilities_.early_stop = true;
    // No region: half of the columns cost 0.8 of a lossy picture and all of a lossless one.
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8};
  }
  [[nodiscard]] std::string_view name() const override { return "webp"; }
  [[nodiscard]] std::string_view description() const override { return description_; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return has_webp_signature(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<WebpDecoder>(); }

 private:
  std::string description_;
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_webp_codec() { return std::make_unique<WebpCodec>(); }

}  // namespace smol
