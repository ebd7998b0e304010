#include "codec/video/ffmpeg/frame_planes.h"

extern "C" {
#include <libavutil/pixdesc.h>
}

#include <fmt/format.h>

#include <bit>

namespace smol {
namespace {

bool is_planar(const AVPixFmtDescriptor& pixels) {
  const int depth = pixels.comp[0].depth, colors = pixels.nb_components < 3 ? 1 : 3;
  constexpr bool kLittleEndian = std::endian::native == std::endian::little;
  const bool big_endian = (pixels.flags & AV_PIX_FMT_FLAG_BE) != 0;
  if ((pixels.flags & (AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_FLOAT)) !=
      0)
    return false;
  if (depth < 8 || depth > 16 || (depth > 8 && big_endian == kLittleEndian)) return false;
  for (int i = 0; i < colors; ++i) {
    const AVComponentDescriptor& component = pixels.comp[i];
    if (component.depth != depth || component.step != (depth > 8 ? 2 : 1) || component.offset != 0 || component.shift != 0)
      return false;
  }
  return true;
}

/// Formats that say full range by their name.
bool named_full_range(AVPixelFormat format) {
  return format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_YUVJ422P || format == AV_PIX_FMT_YUVJ444P ||
         format == AV_PIX_FMT_YUVJ440P || format == AV_PIX_FMT_YUVJ411P;
}

}  // namespace

Result<FramePlanes> planes_of(const AVFrame& frame, const VideoInfo& info) {
  const auto format = static_cast<AVPixelFormat>(frame.format);
  const AVPixFmtDescriptor* const pixels = av_pix_fmt_desc_get(format);
  if (pixels == nullptr || !is_planar(*pixels)) {
    return Error{
        ErrorCode::kUnsupported,
        fmt::format("frames of planar YUV, RGB or gray samples are read; convert the video (for example with ffmpeg "
                    "-pix_fmt yuv420p): {}",
                    pixels != nullptr ? pixels->name : "unknown"),
        Stage::kDecode};
  }
  FramePlanes planes;
  planes.width = frame.width;
  planes.height = frame.height;
  const int colors = pixels->nb_components < 3 ? 1 : 3;
  for (int i = 0; i < colors; ++i) {
    planes.data[i] = frame.data[i];
    planes.stride_bytes[i] = frame.linesize[i];
  }
  planes.chroma_horizontal = colors == 1 ? 0 : 1 << pixels->log2_chroma_w;
  planes.chroma_vertical = colors == 1 ? 0 : 1 << pixels->log2_chroma_h;
  planes.bits = pixels->comp[0].depth;
  planes.is_rgb = (pixels->flags & AV_PIX_FMT_FLAG_RGB) != 0;
  planes.matrix = matrix_of(frame.colorspace).value_or(info.matrix.value_or(ColorMatrix::kBt601));
  const bool stated = frame.color_range != AVCOL_RANGE_UNSPECIFIED;
  planes.full_range = planes.is_rgb || named_full_range(format) ||
                      (stated ? frame.color_range == AVCOL_RANGE_JPEG : info.full_range || colors == 1);
  return planes;
}

}  // namespace smol
