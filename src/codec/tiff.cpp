#include "codec/tiff.h"

#include <tiffio.h>

#include <string>

#include "codec/tiff_decoder.h"

namespace smol {
namespace {

/// "LIBTIFF, Version 4.5.0" and a copyright on further lines.
std::string library_version() {
  const std::string_view text = TIFFGetVersion();
  const std::string_view line = text.substr(0, text.find('\n'));
  return std::string(line.substr(line.rfind(' ') + 1));
}

class TiffCodec final : public Codec {
 public:
  TiffCodec() : description_("libtiff " + library_version()) {
    capabilities_.early_stop = true;
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  }
  [[nodiscard]] std::string_view name() const override { return "tiff"; }
  [[nodiscard]] std::string_view description() const override { return description_; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return has_tiff_signature(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<TiffDecoder>(); }

 private:
  std::string description_;
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_tiff_codec() { return std::make_unique<TiffCodec>(); }

}  // namespace smol
