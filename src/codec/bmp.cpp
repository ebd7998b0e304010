#include "codec/bmp.h"

#include "codec/bmp_decoder.h"
#include "codec/plain_codec.h"

namespace smol {

std::unique_ptr<const Codec> create_bmp_codec() {
  CodecCapabilities capabilities;
  capabilities.early_stop = true;
  capabilities.streams_rows = true;
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  return std::make_unique<PlainCodec>(
      CodecFacts{"bmp", "own code", has_bmp_signature, std::move(capabilities), create_decoder_of<BmpDecoder>});
}

}  // namespace smol
