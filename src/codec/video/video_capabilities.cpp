#include "smol/video.h"

namespace smol {

std::string_view name_of(Deblocking deblocking) {
  switch (deblocking) {
    case Deblocking::kReferenceOnly:
      return "reference";
    case Deblocking::kNone:
      return "none";
    case Deblocking::kAll:
      break;
  }
  return "all";
}

Result<Deblocking> parse_deblocking(std::string_view name) {
  for (const Deblocking deblocking : {Deblocking::kAll, Deblocking::kReferenceOnly, Deblocking::kNone}) {
    if (name == name_of(deblocking)) return deblocking;
  }
  return Error{ErrorCode::kInvalidArgument, "deblocking is all, reference or none: " + std::string(name)};
}

CodecCapabilities capabilities_of(const VideoInfo& info) {
  CodecCapabilities capabilities = frame_capabilities();
  capabilities.planar = info.chroma_horizontal > 0;
  capabilities.deblocking = info.can_skip_deblocking;
  return capabilities;
}

ImageHeader frame_header(const VideoIndex& index) {
  const VideoInfo& info = index.info;
  ImageHeader header;
  header.format = "video frame";
  header.width = info.width;
  header.height = info.height;
  header.orientation = info.orientation;
  header.channels = info.chroma_horizontal == 0 ? 1 : 3;
  header.bits = info.bits;
  header.chroma_horizontal = info.chroma_horizontal == 0 ? 1 : info.chroma_horizontal;
  header.chroma_vertical = info.chroma_vertical == 0 ? 1 : info.chroma_vertical;
  header.max_scale_denominator = info.max_scale_denominator;
  header.planar = header.channels == 3;
  if (info.matrix) header.ycc.matrix = *info.matrix;
  header.ycc.full_range = info.full_range;
  header.predicted = true;
  std::int64_t bytes = 0;
  for (const VideoGroup& group : index.groups) bytes += group.bytes;
  header.compressed_bytes = bytes / static_cast<std::int64_t>(index.frames.empty() ? 1 : index.frames.size());
  return header;
}

}  // namespace smol
