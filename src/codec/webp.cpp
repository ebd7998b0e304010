#include "codec/webp.h"

#include <webp/decode.h>

#include <string>

#include "codec/plain_codec.h"
#include "codec/webp_decoder.h"

namespace smol {
namespace {

std::string library_version() {
  const int version = WebPGetDecoderVersion();
  return std::to_string(version >> 16) + "." + std::to_string(version >> 8 & 255) + "." + std::to_string(version & 255);
}

}  // namespace

std::unique_ptr<const Codec> create_webp_codec() {
  CodecCapabilities capabilities;
  capabilities.early_stop = true;
  // No region: half of the columns cost 0.8 of a lossy picture and all of a lossless one.
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8};
  return std::make_unique<PlainCodec>(CodecFacts{"webp", "libwebp " + library_version(), has_webp_signature,
                                                 std::move(capabilities), create_decoder_of<WebpDecoder>});
}

}  // namespace smol
