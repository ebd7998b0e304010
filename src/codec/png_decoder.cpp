#include "codec/png_decoder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "codec/png_expand.h"
#include "codec/still_rows.h"

namespace smol {
namespace {

constexpr int kRowsPerGroup = 16;
constexpr int kMissing = 128;
/// Larger pictures are streamed, so that a worker's buffer stays small.
constexpr std::size_t kMaxInflatedBytes = std::size_t{1} << 27;
/// Inflating everything with libdeflate costs as much as this part of the rows with zlib (220 against 960 us for all of a
/// 161-pixel thumbnail).
constexpr double kStreamedBelow = 0.25;

Error error(ErrorCode code, std::string message) { return Error{code, std::move(message), Stage::kDecode}; }

}  // namespace

Result<ImageHeader> PngDecoder::probe(ByteView bytes) {
  try {
    Faults faults(FailOn::kNone, "PNG");
    SMOL_RETURN_IF_ERROR(read_png_chunks(bytes, false, faults, chunks_));
    return chunks_.header;
  } catch (const std::bad_alloc&) {
    return error(ErrorCode::kOutOfMemory, "no memory for the chunks of a PNG");
  }
}

Result<DecodeReport> PngDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  struct CloseAtEnd {
    StreamedPngRows& rows;
    ~CloseAtEnd() { rows.close(); }
  } const close_at_end{streamed_};
  try {
    return decode_picture(bytes, request, consumer);
  } catch (const std::bad_alloc&) {
    return error(ErrorCode::kOutOfMemory, "no memory for the rows of a PNG");
  }
}

Result<DecodeReport> PngDecoder::decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  Faults faults(request.fail_on, "PNG");
  SMOL_RETURN_IF_ERROR(read_png_chunks(bytes, true, faults, chunks_));
  SMOL_ASSIGN_OR_RETURN(const Rect part, check_request("PNG", chunks_.header, request));
  const Rect wanted = whole_rows(part, chunks_.header);
  chunks_.palette.composite_on(request.background);
  SMOL_ASSIGN_OR_RETURN(PngRows* const source, open_rows(wanted, request, faults));
  return deliver(*source, wanted, request, faults, consumer);
}

Result<PngRows*> PngDecoder::open_rows(const Rect& wanted, const DecodeRequest& request, Faults& faults) {
  const ImageHeader& header = chunks_.header;
  const std::size_t inflated_bytes = (chunks_.row_bytes() + 1) * static_cast<std::size_t>(header.height);
  const int end_row = wanted.y + wanted.height;
  // Data that end early inflate to nothing at once, but to the rows before the end one by one.
  const bool all_at_once = !header.progressive && !chunks_.ends_early && inflated_bytes <= kMaxInflatedBytes &&
                           end_row >= kStreamedBelow * header.height;
  if (all_at_once) {
    SMOL_ASSIGN_OR_RETURN(const auto outcome, inflated_.open(chunks_, faults));
    if (outcome == InflatedPngRows::Outcome::kOk) return &inflated_;
    if (outcome == InflatedPngRows::Outcome::kSurplus) {
      SMOL_RETURN_IF_ERROR(faults.note(Fault::kHarmless, "more pixel data than pixels"));
    }
  }
  SMOL_RETURN_IF_ERROR(streamed_.open(chunks_, request.stop));
  return &streamed_;
}

Result<DecodeReport> PngDecoder::deliver(PngRows& source, const Rect& wanted, const DecodeRequest& request,
                                         const Faults& faults, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(consumer.begin(wanted, Size{chunks_.header.width, chunks_.header.height}, request.format));
  // Filters refer to the row above, so that rows above the region must be undone too.
  for (int y = 0; y < wanted.y; ++y) {
    if (y % kRowsPerGroup == 0 && request.stop.stop_requested()) return cancelled_error();
    source.next();
  }
  int done = 0;
  for (bool more = true; more && done < wanted.height;) {
    if (request.stop.stop_requested()) return cancelled_error();
    ImageView view;
    view.format = request.format;
    view.width = wanted.width;
    view.height = std::min(kRowsPerGroup, wanted.height - done);
    SMOL_RETURN_IF_ERROR(read_group(source, request, view));
    more = consumer.rows(wanted.y + done, view);
    done += view.height;
  }
  DecodeReport report;
  report.rows_decoded = std::clamp(source.complete_rows() - wanted.y, 0, done);
  report.warnings = faults.warnings();
  report.truncated = source.end() == PngEnd::kTruncated;
  report.recovered = faults.recovered() || source.end() == PngEnd::kCorrupt;
  return report;
}

/// Fills in the plane of `view`: pointers into the inflated picture where nothing needs converting, else rows_.
Status PngDecoder::read_group(PngRows& source, const DecodeRequest& request, ImageView& view) {
  const std::size_t row_bytes = static_cast<std::size_t>(view.width) * bytes_per_pixel(view.format);
  const std::ptrdiff_t stride = padded_stride_bytes(row_bytes);
  std::uint8_t* const rows = rows_.reserve(stride * kRowsPerGroup);
  bool in_place = &source == &inflated_ && is_stored_as(chunks_, view.format, request.background);
  std::array<const std::uint8_t*, kRowsPerGroup> stored;
  view.planes[0] = {rows, stride, view.width, view.height};
  for (int i = 0; i < view.height; ++i) {
    std::uint8_t* const row = source.next();
    if (source.end() != PngEnd::kNone && request.fail_on != FailOn::kNone) {
      return source.end() == PngEnd::kTruncated
                 ? error(ErrorCode::kTruncated,
                         "the PNG's data end before the picture is complete; --fail-on none keeps what is there")
                 : error(ErrorCode::kCorrupt, "PNG is corrupt: broken pixel data");
    }
    stored[i] = row;
    if (in_place && row == nullptr) {
      in_place = false;
      for (int above = 0; above < i; ++above)
        expand_png_row(chunks_, stored[above], view.format, request.background, rows + above * stride);
    }
    if (in_place) continue;
    if (row != nullptr) {
      expand_png_row(chunks_, row, view.format, request.background, rows + i * stride);
    } else {
      std::memset(rows + i * stride, kMissing, row_bytes);
    }
  }
  if (in_place) {
    // Borrowed by the consumer, which only reads.
    view.planes[0] = {const_cast<std::uint8_t*>(stored[0]), inflated_.stride_bytes(), view.width, view.height};
  }
  return {};
}

}  // namespace smol
