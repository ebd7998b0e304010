#include "engine/frame_size.h"

#include <fmt/format.h>

namespace smol {
namespace {

Result<Size> probe_size(const CodecRegistry& codecs, Source& source, const Item& frame, std::vector<std::uint8_t>& buffer) {
  // The whole file: some formats allow the orientation behind the pixels.
  SMOL_RETURN_IF_ERROR(source.read_range(frame, 0, Source::kToTheEnd, buffer));
  const Codec* codec = codecs.sniff(buffer);
  if (codec == nullptr) return codecs.unrecognised(buffer);
  SMOL_ASSIGN_OR_RETURN(const ImageHeader header, codec->create_decoder()->probe(buffer));
  return header.oriented_size();
}

}  // namespace

Result<Size> read_frame_size(const CodecRegistry& codecs, Source& source, const Item& item,
                             std::vector<std::uint8_t>& buffer) {
  Result<Size> size = probe_size(codecs, source, frame_of(item), buffer);
  if (size.ok()) return size;
  Error error = size.error();
  error.message = fmt::format(
      "the item's regions are in pixels of its picture in the first rendition, which cannot be read; restore it or plan for "
      "the first rendition: {}, {}",
      error.message, item.frame_path);
  error.stage = Stage::kRead;
  return error;
}

}  // namespace smol
