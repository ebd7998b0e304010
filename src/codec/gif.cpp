#include "codec/gif.h"

#include <gif_lib.h>

#include "codec/gif_decoder.h"
#include "codec/plain_codec.h"

namespace smol {
namespace {

#define SMOL_TEXT_OF_(number) #number
#define SMOL_TEXT_OF(number) SMOL_TEXT_OF_(number)
constexpr const char* kDescription =
    "giflib " SMOL_TEXT_OF(GIFLIB_MAJOR) "." SMOL_TEXT_OF(GIFLIB_MINOR) "." SMOL_TEXT_OF(GIFLIB_RELEASE);

}  // namespace

std::unique_ptr<const Codec> create_gif_codec() {
  CodecCapabilities capabilities;
  capabilities.early_stop = true;
  capabilities.streams_rows = true;
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8};
  return std::make_unique<PlainCodec>(
      CodecFacts{"gif", kDescription, has_gif_signature, std::move(capabilities), create_decoder_of<GifDecoder>});
}

}  // namespace smol
