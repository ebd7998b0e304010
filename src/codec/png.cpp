#include "codec/png.h"

#include <libdeflate.h>
#include <spng.h>

#include "codec/plain_codec.h"
#include "codec/png_decoder.h"

namespace smol {
std::unique_ptr<const Codec> create_png_codec() {
  CodecCapabilities capabilities;
  capabilities.early_stop = true;
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  return std::make_unique<PlainCodec>(
      CodecFacts{"png", std::string("libdeflate " LIBDEFLATE_VERSION_STRING ", libspng ") + spng_version_string(),
                 has_png_signature, std::move(capabilities), create_decoder_of<PngDecoder>});
}

}  // namespace smol
