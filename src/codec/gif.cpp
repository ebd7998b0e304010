#include "codec/gif.h"

#include <gif_lib.h>

#include "codec/gif_decoder.h"

namespace smol {
namespace {

#define SMOL_TEXT_OF_(number) #number
#define SMOL_TEXT_OF(number) SMOL_TEXT_OF_(number)
constexpr std::string_view kDescription =
    "giflib " SMOL_TEXT_OF(GIFLIB_MAJOR) "." SMOL_TEXT_OF(GIFLIB_MINOR) "." SMOL_TEXT_OF(GIFLIB_RELEASE);

class GifCodec final : public Codec {
 public:
  GifCodec() {
    capabilities_.early_stop = true;
    capabilities_.streams_rows = true;
    capabilities_.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8};
  }
  [[nodiscard]] std::string_view name() const override { return "gif"; }
  [[nodiscard]] std::string_view description() const override { return kDescription; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return has_gif_signature(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return std::make_unique<GifDecoder>(); }

 private:
  CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const Codec> create_gif_codec() { return std::make_unique<GifCodec>(); }

}  // namespace smol
