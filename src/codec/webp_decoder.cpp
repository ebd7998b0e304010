#include "codec/webp_decoder.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "codec/pixel_rows.h"

namespace smol {
namespace {

constexpr std::string_view kFormat = "WebP";

WEBP_CSP_MODE order_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRgb8:
      return MODE_RGB;
    case PixelFormat::kBgr8:
      return MODE_BGR;
    default:
      return MODE_RGBA;  // the fourth byte is ignored
  }
}

/// The first picture on its canvas, transparent black around it.
class WebpRows final : public StillRows {
 public:
  /// `decoded`: what `picture` decodes of the canvas, inside `delivered`. `row` holds one row of `delivered` with alpha;
  /// null where rows are delivered as libwebp gives them.
  WebpRows(WebpPicture& picture, const Rect& decoded, const Rect& delivered, const DecodeRequest& request, std::uint8_t* row)
      : picture_(picture), decoded_(decoded), delivered_(delivered), request_(request), row_(row) {}

  RowState write_row(int y, std::uint8_t* out) override {
    const int line = y - decoded_.y;
    const bool covered = line >= 0 && line < decoded_.height;
    while (covered && picture_.num_rows() <= line) {
      // The caller looks at the token, too, when a row is not complete.
      if (request_.stop.stop_requested()) return RowState::kTruncated;
      if (!picture_.advance()) return state_of_end();
    }
    if (row_ == nullptr) {
      const std::size_t row_bytes = static_cast<std::size_t>(delivered_.width) * bytes_per_pixel(request_.format);
      std::memcpy(out, picture_.row(line), row_bytes);
      return RowState::kComplete;
    }
    std::memset(row_, 0, static_cast<std::size_t>(delivered_.width) * 4);
    if (covered) {
      std::memcpy(row_ + 4 * static_cast<std::ptrdiff_t>(decoded_.x - delivered_.x), picture_.row(line),
                  static_cast<std::size_t>(decoded_.width) * 4);
    }
    write_pixels(SampleOrder::kRgba, row_, delivered_.width, request_.format, background_, out);
    return RowState::kComplete;
  }

 private:
  [[nodiscard]] RowState state_of_end() const {
    if (picture_.end() == WebpPicture::End::kOutOfMemory) throw std::bad_alloc();
    return picture_.end() == WebpPicture::End::kTruncated ? RowState::kTruncated : RowState::kCorrupt;
  }

  WebpPicture& picture_;
  Rect decoded_, delivered_;
  const DecodeRequest& request_;
  Background background_ = request_.background;
  std::uint8_t* row_;
};

}  // namespace

Result<ImageHeader> WebpDecoder::probe(ByteView bytes) {
  Faults faults(FailOn::kNone, kFormat);
  SMOL_RETURN_IF_ERROR(read_webp_chunks(bytes, faults, chunks_));
  return chunks_.header;
}

Result<DecodeReport> WebpDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  struct CloseAtEnd {
    WebpPicture& picture;
    ~CloseAtEnd() { picture.close(); }
  } const close_at_end{picture_};
  try {
    return decode_file(bytes, request, consumer);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "no memory for the rows of a WebP", Stage::kDecode};
  }
}

Result<DecodeReport> WebpDecoder::decode_file(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  Faults faults(request.fail_on, kFormat);
  SMOL_RETURN_IF_ERROR(read_webp_chunks(bytes, faults, chunks_));
  const ImageHeader& header = chunks_.header;
  SMOL_ASSIGN_OR_RETURN(const Rect part, check_request(kFormat, header, request));
  const Size canvas{header.width, header.height}, frame{chunks_.frame.width, chunks_.frame.height};
  const bool covers = frame == canvas;
  const bool composites = header.alpha && request.background.has_value();
  const Rect delivered = covers ? part : whole_rows(part, header);
  const Rect decoded = covers ? part : chunks_.frame;
  // Without a background nobody asks for the alpha chunk.
  const ByteView picture = composites ? chunks_.picture : chunks_.picture.subspan(chunks_.alpha_chunk_bytes);
  const bool needs_row = composites || !covers;
  const WEBP_CSP_MODE order = needs_row ? MODE_RGBA : order_of(request.format);
  const int step = needs_row ? 4 : bytes_per_pixel(request.format);
  const Rect in_picture{decoded.x - chunks_.frame.x, decoded.y - chunks_.frame.y, decoded.width, decoded.height};
  SMOL_RETURN_IF_ERROR(picture_.open(picture, frame, in_picture, order, step));
  std::uint8_t* const row = needs_row ? canvas_row_.reserve(static_cast<std::size_t>(delivered.width) * 4) : nullptr;
  WebpRows rows(picture_, decoded, delivered, request, row);
  return deliver_rows(rows, delivered, canvas, request, faults, rows_, consumer);
}

}  // namespace smol
