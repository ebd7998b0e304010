#include "codec/still_rows.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "codec/request_checks.h"

namespace smol {
namespace {

constexpr int kRowsPerGroup = 16;
constexpr int kMissing = 128;

Error error(ErrorCode code, std::string message) { return Error{code, std::move(message), Stage::kDecode}; }

Error failed(RowState state, const StillRows& source, std::string_view format) {
  if (state == RowState::kCorrupt) return corrupt_error(format, source.fault());
  return error(ErrorCode::kTruncated, "the " + std::string(format) +
                                          "'s data end before the picture is complete; --fail-on none keeps what is there");
}

}  // namespace

Error cancelled_error() { return error(ErrorCode::kCancelled, "stopped on request"); }

Result<Rect> check_request(std::string_view format, const ImageHeader& header, const DecodeRequest& request) {
  const std::string_view name = format;
  if (request.scale_denominator != 1) {
    return error(ErrorCode::kInvalidArgument,
                 std::string(name) + " scale denominator must be 1: " + std::to_string(request.scale_denominator));
  }
  SMOL_RETURN_IF_ERROR(check_pixels({header.width, header.height}, request.limits));
  if (request.thumbnail) return error(ErrorCode::kUnsupported, std::string(name) + "s have no embedded thumbnails");
  if (request.format == PixelFormat::kYcc8Planar && !header.planar) {
    return error(ErrorCode::kUnsupported, std::string(name) + " cannot deliver ycc8_planar; ask for rgbx8");
  }
  if (request.format == PixelFormat::kGray8 && !header.is_gray()) {
    return error(ErrorCode::kUnsupported, "gray8 can be delivered only for grey pictures; ask for rgbx8");
  }
  return clip_region(request.region, {header.width, header.height});
}

Result<DecodeReport> deliver_rows(StillRows& source, const Rect& delivered, Size size, const DecodeRequest& request,
                                  const Faults& faults, GrowOnlyBuffer& buffer, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(consumer.begin(delivered, size, request.format));
  const std::size_t row_bytes = static_cast<std::size_t>(delivered.width) * bytes_per_pixel(request.format);
  const std::ptrdiff_t stride = padded_stride_bytes(row_bytes);
  std::uint8_t* const rows = buffer.reserve(static_cast<std::size_t>(stride) * kRowsPerGroup);
  DecodeReport report;
  int done = 0;
  for (bool more = true; more && done < delivered.height;) {
    if (request.stop.stop_requested()) return cancelled_error();
    ImageView view;
    view.format = request.format;
    view.width = delivered.width;
    view.height = std::min(kRowsPerGroup, delivered.height - done);
    view.planes[0] = {rows, stride, view.width, view.height};
    for (int i = 0; i < view.height; ++i) {
      std::uint8_t* const row = rows + i * stride;
      const RowState state = source.write_row(delivered.y + done + i, row);
      if (state == RowState::kComplete) {
        ++report.rows_decoded;
        continue;
      }
      if (request.stop.stop_requested()) return cancelled_error();
      if (request.fail_on != FailOn::kNone) return failed(state, source, faults.format());
      std::memset(row, kMissing, row_bytes);
      report.truncated = report.truncated || state == RowState::kTruncated;
      report.recovered = report.recovered || state == RowState::kCorrupt;
    }
    more = consumer.rows(delivered.y + done, view);
    done += view.height;
  }
  report.warnings = faults.warnings();
  report.recovered = report.recovered || faults.recovered();
  return report;
}

}  // namespace smol
