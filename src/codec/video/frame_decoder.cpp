#include <algorithm>

#include "codec/pixel_rows.h"
#include "codec/still_rows.h"
#include "codec/video/frame_rows.h"

namespace smol {
namespace {

constexpr std::string_view kName = "video frame";

/// The rows of one request, converted as they are asked for.
class ConvertedRows final : public StillRows {
 public:
  ConvertedRows(const FrameRows& rows, const Rect& part, PixelFormat format) : rows_(rows), part_(part), format_(format) {}

  RowState write_row(int y, std::uint8_t* out) override {
    if (format_ == PixelFormat::kGray8) {
      rows_.gray_row(y, part_.x, part_.width, out);
    } else if (format_ == PixelFormat::kRgbx8) {
      rows_.rgbx_row(y, part_.x, part_.width, out);
    } else {
      rgbx_.resize(4 * static_cast<std::size_t>(part_.width));
      rows_.rgbx_row(y, part_.x, part_.width, rgbx_.data());
      write_pixels(SampleOrder::kRgba, rgbx_.data(), part_.width, format_, {}, out);
    }
    return RowState::kComplete;
  }

 private:
  const FrameRows& rows_;
  const Rect part_;
  const PixelFormat format_;
  std::vector<std::uint8_t> rgbx_;
};

class FrameDecoder final : public Decoder {
 public:
  FrameDecoder(const FramePlanes& planes, Orientation orientation) : rows_(planes) {
    header_.format = kName;
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
    SMOL_ASSIGN_OR_RETURN(const Rect part, check_request(kName, header_, request));
    ConvertedRows rows(rows_, part, request.format);
    return deliver_rows(rows, part, {header_.width, header_.height}, request, Faults(request.fail_on, kName), buffer_,
                        consumer);
  }

 private:
  const FrameRows rows_;
  ImageHeader header_;
  GrowOnlyBuffer buffer_;
};

}  // namespace

std::unique_ptr<Decoder> create_frame_decoder(const FramePlanes& planes, Orientation orientation) {
  return std::make_unique<FrameDecoder>(planes, orientation);
}

}  // namespace smol
