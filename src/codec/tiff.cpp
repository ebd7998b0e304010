#include "codec/tiff.h"

#include <tiffio.h>

#include <string>

#include "codec/plain_codec.h"
#include "codec/tiff_decoder.h"

namespace smol {
namespace {

/// "LIBTIFF, Version 4.5.0" and a copyright on further lines.
std::string library_version() {
  const std::string_view text = TIFFGetVersion();
  const std::string_view line = text.substr(0, text.find('\n'));
  return std::string(line.substr(line.rfind(' ') + 1));
}

}  // namespace

std::unique_ptr<const Codec> create_tiff_codec() {
  CodecCapabilities capabilities;
  capabilities.early_stop = true;
  capabilities.formats = {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8};
  return std::make_unique<PlainCodec>(CodecFacts{"tiff", "libtiff " + library_version(), has_tiff_signature,
                                                 std::move(capabilities), create_decoder_of<TiffDecoder>});
}

}  // namespace smol
