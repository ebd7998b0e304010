#pragma once
/// The EXIF facts that decide pixels: the orientation and the thumbnail.

#include "smol/codec.h"
#include "smol/image.h"

namespace smol {

/// Orientation in IFD0 of a TIFF block ("II*\0..." or "MM\0*..."), as in a PNG eXIf chunk. Anything absent, malformed or
/// out of range is kNormal: a broken thumbnail directory must not cost the picture.
[[nodiscard]] Orientation exif_orientation(ByteView tiff);

/// The same for the payload of a JPEG APP1 segment, which begins with "Exif\0\0"; kNormal for other payloads (XMP).
[[nodiscard]] Orientation app1_orientation(ByteView payload);
[[nodiscard]] bool is_exif_app1(ByteView payload);

/// The JPEG that IFD1 of a TIFF block points to; empty where there is none, or where it does not lie in the block as a
/// whole.
[[nodiscard]] ByteView exif_thumbnail(ByteView tiff);
/// The same for the payload of a JPEG APP1 segment.
[[nodiscard]] ByteView app1_thumbnail(ByteView payload);

}  // namespace smol
