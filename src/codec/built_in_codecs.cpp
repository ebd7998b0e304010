#include "codec/jpeg.h"
#include "codec/opaque/opaque_formats.h"
#include "codec/png.h"
#include "smol/codec.h"

namespace smol {

/// THE table of codecs: one line a format.
CodecRegistry built_in_codecs() {
  CodecRegistry registry;
  for (auto create : {create_jpeg_codec, create_png_codec}) {
    // The names in this table differ, so that adding cannot fail.
    static_cast<void>(registry.add(create()));
  }
  add_opaque_codecs(registry);
  const char* const reason = "not part of this version";
  for (const char* name : {"webp", "gif", "bmp", "tiff", "ppm"}) {
    registry.add_unavailable({name, reason, "convert the files to JPEG or PNG, for example with `mogrify -format png`"});
  }
  return registry;
}

}  // namespace smol
