#include <algorithm>
#include <cstring>

#include "codec/pixel_rows.h"
#include "codec/still_rows.h"
#include "codec/video/frame_rows.h"

namespace smol {
namespace {

constexpr std::string_view kName = "video frame";
constexpr int kRowsPerGroup = 16;
/// What consumers may read past the end of a row.
constexpr std::ptrdiff_t kReadable = 64;

int divided_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

/// The rows of one request, converted as they are asked for.
class ConvertedRows final : public StillRows {
 public:
  /// `rgbx` holds a row where it must be repacked.
  ConvertedRows(const FrameRows& rows, const Rect& part, PixelFormat format, GrowOnlyBuffer& rgbx)
      : rows_(rows),
        part_(part),
        format_(format),
        rgbx_(format == PixelFormat::kGray8 || format == PixelFormat::kRgbx8
                  ? nullptr
                  : rgbx.reserve(4 * static_cast<std::size_t>(part.width) + kReadable)) {}

  RowState write_row(int y, std::uint8_t* out) override {
    if (format_ == PixelFormat::kGray8) {
      rows_.gray_row(y, part_.x, part_.width, out);
    } else if (format_ == PixelFormat::kRgbx8) {
      rows_.rgbx_row(y, part_.x, part_.width, out);
    } else {
      rows_.rgbx_row(y, part_.x, part_.width, rgbx_);
      write_pixels(SampleOrder::kRgba, rgbx_, part_.width, format_, {}, out);
    }
    return RowState::kComplete;
  }

 private:
  const FrameRows& rows_;
  const Rect part_;
  const PixelFormat format_;
  std::uint8_t* const rgbx_;
};

class PlanesDecoder final : public FrameDecoder {
 public:
  void show(const FramePlanes& planes, Orientation orientation) override {
    planes_ = planes;
    rows_ = FrameRows(planes);
    header_ = {};
    header_.format = kName;
    header_.width = planes.width;
    header_.height = planes.height;
    header_.orientation = orientation;
    header_.channels = planes.chroma_horizontal == 0 ? 1 : 3;
    header_.chroma_horizontal = std::max(1, planes.chroma_horizontal);
    header_.chroma_vertical = std::max(1, planes.chroma_vertical);
    header_.max_scale_denominator = 1;
    header_.planar = header_.channels == 3 && !planes.is_rgb;
    header_.ycc = {planes.matrix, planes.full_range};
  }

  Result<ImageHeader> probe(ByteView /*bytes*/) override {
    if (header_.width > 0) return header_;
    return Error{ErrorCode::kInvalidArgument, "no video frame was shown to the decoder", Stage::kDecode};
  }

  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override {
    SMOL_RETURN_IF_ERROR(probe(bytes));
    SMOL_ASSIGN_OR_RETURN(const Rect part, check_request(kName, header_, request));
    if (request.format == PixelFormat::kYcc8Planar) return lend_planes(part, request, consumer);
    ConvertedRows rows(rows_, part, request.format, repacked_);
    return deliver_rows(rows, part, {header_.width, header_.height}, request, Faults(request.fail_on, kName), buffer_,
                        consumer);
  }

 private:
  Result<DecodeReport> lend_planes(const Rect& part, const DecodeRequest& request, RowConsumer& consumer);
  Plane plane_of(int index, const Rect& rect, std::uint8_t* copy) const;

  FramePlanes planes_;
  FrameRows rows_{planes_};
  ImageHeader header_;
  GrowOnlyBuffer buffer_, repacked_;
};

/// `rect` of a plane, as it lies there if that is 8-bit samples and readable past its end; else in `copy`.
Plane PlanesDecoder::plane_of(int index, const Rect& rect, std::uint8_t* copy) const {
  const std::ptrdiff_t stride = planes_.stride_bytes[index];
  const int height = index == 0 ? planes_.height : divided_up(planes_.height, planes_.chroma_vertical);
  // Rows may lie upside down: what follows the last of these in memory is a row of the plane, or nothing we may read.
  const int rows_behind = stride > 0 ? height - rect.y - rect.height : rect.y;
  if (planes_.bits == 8 && rows_behind * std::abs(stride) >= kReadable) {
    return {const_cast<std::uint8_t*>(planes_.data[index] + rect.y * stride + rect.x), stride, rect.width, rect.height};
  }
  const std::ptrdiff_t copy_stride = padded_stride_bytes(static_cast<std::size_t>(rect.width));
  for (int y = 0; y < rect.height; ++y) rows_.plane_row(index, rect.y + y, rect.x, rect.width, copy + y * copy_stride);
  return {copy, copy_stride, rect.width, rect.height};
}

Result<DecodeReport> PlanesDecoder::lend_planes(const Rect& part, const DecodeRequest& request, RowConsumer& consumer) {
  const int horizontal = planes_.chroma_horizontal, vertical = planes_.chroma_vertical;
  // From where all planes have a sample.
  const int x = part.x / horizontal * horizontal, y = part.y / vertical * vertical;
  const Rect delivered{x, y, part.x + part.width - x, part.y + part.height - y};
  SMOL_RETURN_IF_ERROR(consumer.begin(delivered, {header_.width, header_.height}, PixelFormat::kYcc8Planar));
  const std::size_t plane_bytes =
      static_cast<std::size_t>(padded_stride_bytes(static_cast<std::size_t>(delivered.width))) * kRowsPerGroup;
  std::uint8_t* const copies = buffer_.reserve(3 * plane_bytes);
  DecodeReport report;
  for (bool more = true; more && report.rows_decoded < delivered.height;) {
    if (request.stop.stop_requested()) return cancelled_error();
    const int first = delivered.y + report.rows_decoded;
    ImageView view;
    view.format = PixelFormat::kYcc8Planar;
    view.width = delivered.width;
    view.height = std::min(kRowsPerGroup, delivered.height - report.rows_decoded);
    for (int i = 0; i < 3; ++i) {
      const int across = i == 0 ? 1 : horizontal, down = i == 0 ? 1 : vertical;
      const Rect rect{delivered.x / across, first / down, divided_up(delivered.width, across),
                      divided_up(view.height, down)};
      view.planes[i] = plane_of(i, rect, copies + static_cast<std::size_t>(i) * plane_bytes);
    }
    more = consumer.rows(first, view);
    report.rows_decoded += view.height;
  }
  return report;
}

}  // namespace

const CodecCapabilities& frame_capabilities() {
  static const CodecCapabilities kCapabilities = [] {
    CodecCapabilities capabilities;
    capabilities.region = capabilities.early_stop = capabilities.streams_rows = capabilities.planar = true;
    capabilities.formats = {PixelFormat::kGray8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kRgbx8,
                            PixelFormat::kYcc8Planar};
    return capabilities;
  }();
  return kCapabilities;
}

std::unique_ptr<FrameDecoder> create_frame_decoder() { return std::make_unique<PlanesDecoder>(); }

std::unique_ptr<Decoder> create_frame_decoder(const FramePlanes& planes, Orientation orientation) {
  std::unique_ptr<FrameDecoder> decoder = create_frame_decoder();
  decoder->show(planes, orientation);
  return decoder;
}

}  // namespace smol
