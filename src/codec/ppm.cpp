#include "codec/ppm.h"

#include "codec/ppm_decoder.h"

namespace smol {
namespace {

class PpmCodec final : public Codec {
 public:
  PpmCodec() {
    capabilities_.early_stop = true;
    capabilities_.streams_rows = true;
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  }
  [[nodiscard]] std::string_view name() const override { return "ppm"; }
  [[nodiscard]] std::string_view description() const override { return "own code"; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return has_ppm_signature(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<PpmDecoder>(); }

 private:
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_ppm_codec() { return std::make_unique<PpmCodec>(); }

}  // namespace smol
