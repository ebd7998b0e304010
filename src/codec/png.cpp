#include "codec/png.h"

#include <libdeflate.h>
#include <spng.h>

#include "codec/png_decoder.h"

namespace smol {
namespace {

class PngCodec final : public Codec {
 public:
  PngCodec() : description_(std::string("libdeflate " LIBDEFLATE_VERSION_STRING ", libspng ") + spng_version_string()) {
    capabilities_.early_stop = true;
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  }
  [[nodiscard]] std::string_view name() const override { return "png"; }
  [[nodiscard]] std::string_view description() const override { return description_; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return has_png_signature(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<PngDecoder>(); }

 private:
  std::string description_;
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_png_codec() { return std::make_unique<PngCodec>(); }

}  // namespace smol
