#include "codec/jpeg_decoder.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "codec/jpeg_color.h"
#include "codec/jpeg_header.h"
#include "codec/request_checks.h"

namespace smol {
namespace {

constexpr int kRowsPerGroup = 16;
/// libjpeg-turbo writes rows that are aligned to its vectors with non-temporal stores, past the caches, from where the
/// consumer would have to fetch them again: 3 % of decoding at 500x375, and the consumer's time besides.
constexpr std::ptrdiff_t kMisalignment = 4;
/// libjpeg-turbo chooses fancy upsampling by the whole picture's width and then assumes more than 2 chroma columns.
constexpr int kMinChromaColumns = 4;
/// What missing pixels look like, as libjpeg itself fills them.
constexpr int kMissing = 128;

Error error(ErrorCode code, std::string message) { return Error{code, std::move(message), Stage::kDecode}; }

std::string to_string(Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

J_COLOR_SPACE color_space_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::kGray8:
      return JCS_GRAYSCALE;
    case PixelFormat::kRgb8:
      return JCS_EXT_RGB;
    case PixelFormat::kBgr8:
      return JCS_EXT_BGR;
    case PixelFormat::kRgbx8:
      return JCS_EXT_RGBX;
    case PixelFormat::kYcc8Planar:
      return JCS_YCbCr;
  }
  return JCS_UNKNOWN;
}

bool is_cmyk(const jpeg_decompress_struct& info) {
  return info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
}

int round_up(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

/// Passes on what follows the rows that the consumer has already been given.
class RestOfRows final : public RowConsumer {
 public:
  RestOfRows(RowConsumer& consumer, int num_delivered) : consumer_(consumer), num_delivered_(num_delivered) {}
  Status begin(const Rect& delivered, Size, PixelFormat) override {
    first_row_ = delivered.y + num_delivered_;
    return {};
  }
  bool rows(int y, const ImageView& rows) override {
    const int done = std::clamp(first_row_ - y, 0, rows.height);
    if (done == rows.height) return true;
    if (done == 0) return consumer_.rows(y, rows);
    ImageView rest = rows;  // never planes: both decoders deliver the same whole MCUs of them
    rest.height -= done;
    rest.planes[0].data += done * rest.planes[0].stride_bytes;
    rest.planes[0].height -= done;
    return consumer_.rows(y + done, rest);
  }

 private:
  RowConsumer& consumer_;
  int num_delivered_, first_row_ = 0;
};

}  // namespace

Result<ImageHeader> JpegDecoder::probe(ByteView bytes) { return read_jpeg_header(bytes); }

Result<DecodeReport> JpegDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  if (request.thumbnail) {
    const ByteView thumbnail = find_jpeg_thumbnail(bytes);
    if (thumbnail.empty())
      return error(ErrorCode::kUnsupported, "this JPEG has no embedded thumbnail that can stand in for it");
    DecodeRequest whole = request;
    whole.thumbnail = false;
    return decode(thumbnail, whole, consumer);
  }
  struct AbortAtEnd {
    JpegLibrary& library;
    ~AbortAtEnd() { library.abort(); }
  } const abort_at_end{library_};
  try {
    auto result = decode_picture(bytes, request, consumer);
    if (result || request.fail_on != FailOn::kNone || library_.usable_bytes() == 0) return result;
    // A later scan is broken beyond repair, and no row has been delivered: show the scans before it.
    library_.abort();
    result = decode_picture(bytes.first(library_.usable_bytes()), request, consumer);
    if (result) result->recovered = true;
    return result;
  } catch (const std::bad_alloc&) {
    return error(ErrorCode::kOutOfMemory, "no memory for the rows of a JPEG");
  }
}

Result<DecodeReport> JpegDecoder::decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(open(bytes, request));
  const auto deliver = [&](PixelFormat format, RowConsumer& target) {
    const bool here = baseline_.accepts(library_.info(), request.scale_denominator);
    return here ? deliver_baseline(request, format, target) : deliver_by_library(request, format, target);
  };
  if (request.format != PixelFormat::kYcc8Planar || library_.info().jpeg_color_space == JCS_YCbCr) {
    return deliver(request.format, consumer);
  }
  PlanarAdapter adapter(consumer, converted_planes_);
  return deliver(PixelFormat::kRgbx8, adapter);
}

Result<DecodeReport> JpegDecoder::deliver_by_library(const DecodeRequest& request, PixelFormat format,
                                                     RowConsumer& consumer) {
  return format == PixelFormat::kYcc8Planar ? deliver_planes(request, consumer) : deliver_rows(request, format, consumer);
}

Result<DecodeReport> JpegDecoder::deliver_baseline(const DecodeRequest& request, PixelFormat format, RowConsumer& consumer) {
  SMOL_ASSIGN_OR_RETURN(const Rect wanted, clip_region(request.region, baseline_.scaled_size()));
  SMOL_ASSIGN_OR_RETURN(const auto progress,
                        baseline_.decode(library_.scan_bytes(), wanted, format, request.stop, consumer));
  if (progress.gave_up) {
    RestOfRows rest(consumer, progress.rows);
    return deliver_by_library(request, format, rest);
  }
  DecodeReport result;
  result.rows_decoded = progress.rows;
  result.warnings = library_.warnings();
  result.recovered = library_.recovered();
  return result;
}

/// Reads the header and refuses what cannot or must not be decoded.
Status JpegDecoder::open(ByteView bytes, const DecodeRequest& request) {
  fail_on_ = request.fail_on;
  failed_row_.reset();
  const int denominator = request.scale_denominator;
  if (denominator != 1 && denominator != 2 && denominator != 4 && denominator != 8) {
    return error(ErrorCode::kInvalidArgument, "JPEG scale denominator must be 1, 2, 4 or 8: " + std::to_string(denominator));
  }
  SMOL_RETURN_IF_ERROR(library_.read_header(bytes, request));
  auto& info = library_.info();
  const Size stored{static_cast<int>(info.image_width), static_cast<int>(info.image_height)};
  SMOL_RETURN_IF_ERROR(check_pixels(stored, request.limits));
  if (info.num_components == 2 || info.num_components > 4) {
    return error(ErrorCode::kUnsupported,
                 "JPEG must have 1, 3 or 4 colour components: " + std::to_string(info.num_components));
  }
  if (request.format == PixelFormat::kGray8 && info.jpeg_color_space != JCS_GRAYSCALE) {
    return error(ErrorCode::kUnsupported, "gray8 can be delivered only for grey pictures; ask for rgbx8");
  }
  info.scale_num = 1;
  info.scale_denom = static_cast<unsigned>(denominator);
  info.dct_method = JDCT_ISLOW;
  info.do_fancy_upsampling = TRUE;
  return {};
}

Size JpegDecoder::scaled_size() {
  return {static_cast<int>(library_.info().output_width), static_cast<int>(library_.info().output_height)};
}

/// Cropped and skipped decodes equal the full one only for the usual samplings (4x2 and 2x4 differed at 1/2 and 1/4), and
/// not where the library smooths across blocks.
bool JpegDecoder::crops_exactly() {
  const auto& info = library_.info();
  for (int i = 0; i < info.num_components; ++i) {
    const auto& component = info.comp_info[i];
    const bool full = component.h_samp_factor == info.max_h_samp_factor && component.v_samp_factor == info.max_v_samp_factor;
    if (!full && (component.h_samp_factor != 1 || component.v_samp_factor != 1)) return false;
  }
  const bool usual =
      info.max_h_samp_factor != 3 && info.max_v_samp_factor != 3 && info.max_h_samp_factor * info.max_v_samp_factor <= 4;
  return usual && !library_.smooths_blocks();
}

/// Tells libjpeg which columns and first row are needed. Fancy upsampling makes the outermost columns of a crop differ
/// from the full decode, hence one more on each side, which the caller trims.
Result<JpegDecoder::Extent> JpegDecoder::narrow(const Rect& wanted, PixelFormat format) {
  const Size size = scaled_size();
  Extent extent{wanted, 0, size.width};
  if (!crops_exactly()) {
    for (int y = 0; y < wanted.y; y += kRowsPerGroup) {
      SMOL_RETURN_IF_ERROR(read_group(extent, format, std::min(kRowsPerGroup, wanted.y - y)));
    }
    return extent;
  }
  const int least_width = kMinChromaColumns * library_.info().max_h_samp_factor;
  if (wanted.width < size.width && least_width < size.width) {
    const int left = std::clamp(wanted.x - 1, 0, size.width - least_width);
    const int right = std::clamp(wanted.x + wanted.width + 1, left + least_width, size.width);
    auto x = static_cast<JDIMENSION>(left);
    auto width = static_cast<JDIMENSION>(right - left);
    SMOL_RETURN_IF_ERROR(library_.crop_columns(x, width));
    extent.first_column = static_cast<int>(x);
    extent.num_columns = static_cast<int>(width);
  }
  if (wanted.y > 0) SMOL_RETURN_IF_ERROR(tolerate(library_.skip_rows(static_cast<JDIMENSION>(wanted.y))));
  return extent;
}

Status JpegDecoder::tolerate(Status status) {
  if (status.ok() || fail_on_ != FailOn::kNone) return status;
  const ErrorCode code = status.error().code;
  if (code != ErrorCode::kCorrupt && code != ErrorCode::kTruncated) return status;
  failed_row_ = static_cast<int>(library_.info().output_scanline);
  return {};
}

DecodeReport JpegDecoder::report(int first_row, int num_rows) {
  DecodeReport result;
  const int rows_from_data = std::min(library_.rows_from_data(), failed_row_.value_or(library_.rows_from_data()));
  result.rows_decoded = std::clamp(rows_from_data - first_row, 0, num_rows);
  result.warnings = library_.warnings();
  result.truncated = library_.truncated();
  result.recovered = library_.recovered() || failed_row_.has_value();
  return result;
}

Result<DecodeReport> JpegDecoder::deliver_rows(const DecodeRequest& request, PixelFormat format, RowConsumer& consumer) {
  auto& info = library_.info();
  info.out_color_space = is_cmyk(info) ? JCS_CMYK : color_space_of(format);
  SMOL_RETURN_IF_ERROR(library_.start());
  SMOL_ASSIGN_OR_RETURN(const Rect wanted, clip_region(request.region, scaled_size()));
  const Size size = scaled_size();  // crop_columns() changes the library's
  SMOL_ASSIGN_OR_RETURN(const Extent extent, narrow(wanted, format));
  const Rect& delivered = extent.wanted;
  SMOL_RETURN_IF_ERROR(consumer.begin(delivered, size, format));

  int done = 0;
  for (bool more = true; more && done < delivered.height;) {
    if (request.stop.stop_requested()) return error(ErrorCode::kCancelled, "stopped on request");
    const int num_rows = std::min(kRowsPerGroup, delivered.height - done);
    SMOL_RETURN_IF_ERROR(read_group(extent, format, num_rows));
    ImageView view;
    view.format = format;
    view.width = delivered.width;
    view.height = num_rows;
    view.planes[0] = {rows_.data() + kMisalignment + (delivered.x - extent.first_column) * bytes_per_pixel(format),
                      padded_stride_bytes(static_cast<std::size_t>(extent.num_columns) * bytes_per_pixel(format)),
                      delivered.width, num_rows};
    more = consumer.rows(delivered.y + done, view);
    done += num_rows;
  }
  if (!failed_row_) SMOL_RETURN_IF_ERROR(library_.check_end());
  return report(delivered.y, done);
}

/// Reads rows into rows_, converting CMYK, and grey where the data are missing.
Status JpegDecoder::read_group(const Extent& extent, PixelFormat format, int num_rows) {
  auto& info = library_.info();
  const std::size_t row_bytes = static_cast<std::size_t>(extent.num_columns) * bytes_per_pixel(format);
  const std::ptrdiff_t stride = padded_stride_bytes(row_bytes);
  std::uint8_t* const rows = rows_.reserve(stride * kRowsPerGroup + kMisalignment) + kMisalignment;
  const bool cmyk = is_cmyk(info);
  const std::size_t cmyk_bytes = std::size_t{4} * extent.num_columns;
  std::array<JSAMPROW, kRowsPerGroup> targets;
  for (int i = 0; i < num_rows; ++i) {
    targets[i] = cmyk ? cmyk_rows_.reserve(cmyk_bytes * kRowsPerGroup) + i * cmyk_bytes : rows + i * stride;
  }
  int read = 0;
  if (!failed_row_) {
    const JDIMENSION first = info.output_scanline;
    SMOL_RETURN_IF_ERROR(tolerate(library_.read_rows(targets.data(), static_cast<JDIMENSION>(num_rows))));
    read = static_cast<int>(info.output_scanline - first);
  }
  for (int i = 0; cmyk && i < read; ++i) {
    convert_inverted_cmyk(targets[i], rows + i * stride, extent.num_columns, format);
  }
  for (int i = read; i < num_rows; ++i) std::memset(rows + i * stride, kMissing, row_bytes);
  return {};
}

/// Planes as stored, of whole MCUs so that chroma samples are complete. The library decodes all columns; what is beside the
/// wanted ones is left out, as JpegBaseline does.
Result<DecodeReport> JpegDecoder::deliver_planes(const DecodeRequest& request, RowConsumer& consumer) {
  auto& info = library_.info();
  info.out_color_space = JCS_YCbCr;
  info.raw_data_out = TRUE;
  SMOL_RETURN_IF_ERROR(library_.start());
  SMOL_ASSIGN_OR_RETURN(const Rect wanted, clip_region(request.region, scaled_size()));
  const Size size = scaled_size();
  const int group = info.max_v_samp_factor * info.min_DCT_scaled_size;
  const int columns = info.max_h_samp_factor * info.min_DCT_scaled_size;
  const int first_mcu = wanted.x / columns, end_mcu = round_up(wanted.x + wanted.width, columns) / columns;
  const int left = first_mcu * columns, width = std::min(end_mcu * columns, size.width) - left;
  const int first = wanted.y / group * group;
  const int end = std::min(round_up(wanted.y + wanted.height, group), size.height);
  SMOL_RETURN_IF_ERROR(consumer.begin(Rect{left, first, width, end - first}, size, PixelFormat::kYcc8Planar));

  int done = 0;
  for (int y = 0; y < end; y += group) {
    if (request.stop.stop_requested()) return error(ErrorCode::kCancelled, "stopped on request");
    SMOL_RETURN_IF_ERROR(read_plane_group(group));
    if (y < first) continue;
    ImageView view;
    view.format = PixelFormat::kYcc8Planar;
    view.width = width;
    view.height = std::min(group, end - y);
    for (int i = 0; i < 3; ++i) view.planes[i] = plane_group(i, y / group, first_mcu, end_mcu);
    done += view.height;
    if (!consumer.rows(y, view)) break;
  }
  if (!failed_row_) SMOL_RETURN_IF_ERROR(library_.check_end());
  return report(first, done);
}

/// What read_plane_group() has read of a component, between two MCU columns.
Plane JpegDecoder::plane_group(int component_index, int mcu_row, int first_mcu, int end_mcu) {
  const auto& component = library_.info().comp_info[component_index];
  const int mcu_width = component.h_samp_factor * component.DCT_scaled_size,
            mcu_height = component.v_samp_factor * component.DCT_scaled_size;
  const int width = static_cast<int>(component.downsampled_width), height = static_cast<int>(component.downsampled_height);
  return {planes_[component_index].data() + std::ptrdiff_t{first_mcu} * mcu_width,
          padded_stride_bytes(std::size_t{component.width_in_blocks} * component.DCT_scaled_size),
          std::min(end_mcu * mcu_width, width) - first_mcu * mcu_width, std::min(mcu_height, height - mcu_row * mcu_height)};
}

Status JpegDecoder::read_plane_group(int num_rows) {
  auto& info = library_.info();
  std::array<std::array<JSAMPROW, MAX_SAMP_FACTOR * DCTSIZE>, 3> rows;
  std::array<JSAMPARRAY, 3> targets;
  for (int i = 0; i < 3; ++i) {
    const auto& component = info.comp_info[i];
    const int count = component.v_samp_factor * component.DCT_scaled_size;
    const std::ptrdiff_t stride = padded_stride_bytes(std::size_t{component.width_in_blocks} * component.DCT_scaled_size);
    std::uint8_t* const plane = planes_[i].reserve(stride * count);
    for (int row = 0; row < count; ++row) rows[i][row] = plane + row * stride;
    targets[i] = rows[i].data();
    if (failed_row_) std::memset(plane, kMissing, stride * count);
  }
  if (failed_row_) return {};
  SMOL_RETURN_IF_ERROR(tolerate(library_.read_planes(targets.data(), static_cast<JDIMENSION>(num_rows))));
  return failed_row_ ? read_plane_group(num_rows) : Status();
}

}  // namespace smol
