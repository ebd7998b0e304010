#include "codec/still_rows.h"

#include <algorithm>
#include <cstring>
#include <string>

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
  if (std::int64_t{header.width} * header.height > request.limits.max_pixels) {
    return error(ErrorCode::kLimitExceeded, "picture is larger than --max-pixels allows (" +
                                                std::to_string(request.limits.max_pixels) +
                                                "); raise it if the file is trusted: " + std::to_string(header.width) + "x" +
                                                std::to_string(header.height));
  }
  if (request.thumbnail) return error(ErrorCode::kUnsupported, std::string(name) + "s have no embedded thumbnails");
  if (request.format == PixelFormat::kYcc8Planar) {
    return error(ErrorCode::kUnsupported, std::string(name) + " cannot deliver ycc8_planar; ask for rgbx8");
  }
  if (request.format == PixelFormat::kGray8 && !header.is_gray()) {
    return error(ErrorCode::kUnsupported, "gray8 can be delivered only for grey pictures; ask for rgbx8");
  }
  if (!request.region) return Rect{0, 0, header.width, header.height};
  const Rect& region = *request.region;
  const int left = std::max(region.x, 0), top = std::max(region.y, 0);
  const std::int64_t right = std::min<std::int64_t>(std::int64_t{region.x} + region.width, header.width);
  const std::int64_t bottom = std::min<std::int64_t>(std::int64_t{region.y} + region.height, header.height);
  if (bottom <= top || right <= left) {
    return error(ErrorCode::kInvalidArgument, "the region lies outside the picture of " + std::to_string(header.width) +
                                                  "x" + std::to_string(header.height));
  }
  return Rect{left, top, static_cast<int>(right - left), static_cast<int>(bottom - top)};
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
