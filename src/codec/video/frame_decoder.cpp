#include <fmt/format.h>

#include <algorithm>

#include "codec/video/frame_rows.h"

namespace smol {
namespace {

/// Rows converted at a time: a few, so that they are still in the first cache when they are resized.
constexpr int kBandRows = 8;

class FrameDecoder final : public Decoder {
 public:
  FrameDecoder(const FramePlanes& planes, Orientation orientation) : planes_(planes), rows_(planes) {
    header_.format = "frame";
    header_.width = planes.width;
    header_.height = planes.height;
    header_.orientation = orientation;
    header_.channels = planes.chroma_horizontal == 0 ? 1 : 3;
    header_.chroma_horizontal = std::max(1, planes.chroma_horizontal);
    header_.chroma_vertical = std::max(1, planes.chroma_vertical);
    header_.max_scale_denominator = 1;
    header_.planar = false;
  }

  Result<ImageHeader> probe(ByteView /*bytes*/) override { return header_; }

  Result<DecodeReport> decode(ByteView /*bytes*/, const DecodeRequest& request, RowConsumer& consumer) override {
    const bool gray = request.format == PixelFormat::kGray8;
    if (gray && !header_.is_gray()) return refuse("gray8 is delivered of gray frames only");
    if (!gray && request.format != PixelFormat::kRgbx8 && request.format != PixelFormat::kRgb8)
      return refuse("frames are delivered as rgbx8, rgb8 or gray8");
    if (request.scale_denominator != 1) return refuse("a decoded frame has one scale");
    Rect rect = request.region.value_or(Rect{0, 0, planes_.width, planes_.height});
    rect.width = std::min(rect.x + rect.width, planes_.width);
    rect.height = std::min(rect.y + rect.height, planes_.height);
    rect.x = std::max(0, rect.x);
    rect.y = std::max(0, rect.y);
    rect.width -= rect.x;
    rect.height -= rect.y;
    if (rect.width < 1 || rect.height < 1) return refuse("the region lies outside the frame");
    SMOL_RETURN_IF_ERROR(consumer.begin(rect, {planes_.width, planes_.height}, request.format));
    DecodeReport report;
    band_.reshape(request.format, rect.width, std::min(kBandRows, rect.height));
    for (int y = rect.y; y < rect.y + rect.height; y += kBandRows) {
      if (request.stop.stop_requested()) return Error{ErrorCode::kCancelled, "decoding was stopped", Stage::kDecode};
      ImageView view = band_.view();
      view.height = std::min(kBandRows, rect.y + rect.height - y);
      view.planes[0].height = view.height;
      for (int i = 0; i < view.height; ++i) write_row(y + i, rect, request.format, view.row(i));
      report.rows_decoded += view.height;
      if (!consumer.rows(y, view)) break;
    }
    return report;
  }

 private:
  static Error refuse(const char* what) { return Error{ErrorCode::kUnsupported, what, Stage::kDecode}; }

  void write_row(int y, const Rect& rect, PixelFormat format, std::uint8_t* out) {
    if (format == PixelFormat::kGray8) return rows_.gray_row(y, rect.x, rect.width, out);
    if (format == PixelFormat::kRgbx8) return rows_.rgbx_row(y, rect.x, rect.width, out);
    wide_.resize(4 * static_cast<std::size_t>(rect.width));
    rows_.rgbx_row(y, rect.x, rect.width, wide_.data());
    for (int i = 0; i < rect.width; ++i) std::copy_n(wide_.data() + 4 * i, 3, out + 3 * i);
  }

  const FramePlanes planes_;
  const FrameRows rows_;
  ImageHeader header_;
  Image band_;
  std::vector<std::uint8_t> wide_;
};

}  // namespace

std::unique_ptr<Decoder> create_frame_decoder(const FramePlanes& planes, Orientation orientation) {
  return std::make_unique<FrameDecoder>(planes, orientation);
}

}  // namespace smol
