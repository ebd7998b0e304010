#include "codec/bmp.h"

#include "codec/bmp_decoder.h"

namespace smol {
namespace {

class BmpCodec final : public Codec {
 public:
  BmpCodec() {
    capabilities_.early_stop = true;
    capabilities_.streams_rows = true;
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  }
  [[nodiscard]] std::string_view name() const override { return "bmp"; }
  [[nodiscard]] std::string_view description() const override { return "own code"; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return has_bmp_signature(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<BmpDecoder>(); }

 private:
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_bmp_codec() { return std::make_unique<BmpCodec>(); }

}  // namespace smol
