#include "codec/ppm.h"

#include "codec/plain_codec.h"
#include "codec/ppm_decoder.h"

namespace smol {

std::unique_ptr<const Codec> create_ppm_codec() {
  CodecCapabilities capabilities;
  capabilities.early_stop = true;
  capabilities.streams_rows = true;
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  return std::make_unique<PlainCodec>(
      CodecFacts{"ppm", "own code", has_ppm_signature, std::move(capabilities), create_decoder_of<PpmDecoder>});
}

}  // namespace smol
