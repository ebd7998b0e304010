#pragma once
/// The one EXIF fact that decides pixels: the orientation.

#include "smol/codec.h"
#include "smol/image.h"

namespace smol {

/// Orientation in IFD0 of a TIFF block ("II*\0..." or "MM\0*..."), as in a PNG eXIf chunk. Anything absent, malformed or
/// out of range is kNormal: a broken thumbnail directory must not cost the picture.
[[nodiscard]] Orientation exif_orientation(ByteView tiff);

/// The same for the payload of a JPEG APP1 segment, which begins with "Exif\0\0"; kNormal for other payloads (XMP).
[[nodiscard]] Orientation app1_orientation(ByteView payload);
[[nodiscard]] bool is_exif_app1(ByteView payload);

}  // namespace smol
