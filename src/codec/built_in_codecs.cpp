#include "codec/bmp.h"
#include "codec/gif.h"
#include "codec/jpeg.h"
#include "codec/opaque/opaque_formats.h"
#include "codec/png.h"
#include "codec/ppm.h"
#include "codec/tiff.h"
#include "codec/webp.h"
#include "smol/codec.h"

namespace smol {

/// THE table of codecs: one line a format.
CodecRegistry built_in_codecs() {
  CodecRegistry registry;
  for (auto create : {create_jpeg_codec, create_png_codec, create_webp_codec, create_gif_codec, create_tiff_codec,
                      create_bmp_codec, create_ppm_codec}) {
    // The names in this table differ, so that adding cannot fail.
    static_cast<void>(registry.add(create()));
  }
  add_opaque_codecs(registry);
  return registry;
}

}  // namespace smol
