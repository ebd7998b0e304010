#include "preprocess/resize_stream.h"

#include <algorithm>
#include <cstring>

namespace smol {
namespace {

using Clock = std::chrono::steady_clock;

/// Kernels may read and write this far past the end of a row.
constexpr std::size_t kSlack = 64;
/// Below this many rows a call, reading the clock twice would cost more than it tells.
constexpr int kMinRowsToTime = 8;
/// Rows transposed together: their columns' bytes fill a quarter of a cache line.
constexpr int kTurnedRowsPerBlock = 16;

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

double microseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

/// Grows only: a smaller picture must not pay for clearing memory again.
void reserve_bytes(std::vector<std::uint8_t>& buffer, std::size_t bytes) {
  if (buffer.size() < bytes) buffer.resize(bytes);
}

}  // namespace

void ResizeStream::prepare(const PointOperations& points, bool gray_source, bool stop_early) {
  points_ = points;
  stop_early_ = stop_early;
  kernels_ = &active_kernels();
  choose_tables(gray_source || points.gray_before_resize ? 1 : 3);
}

void ResizeStream::set_slot(const TensorSlot& slot) { writer_.begin(slot, points_.normalization, *kernels_); }

void ResizeStream::choose_tables(int channels) {
  channels_ = channels;
  geometry_.columns.spec.use = channels == 1 ? TableUse::kGrayColumns : TableUse::kRgbxColumns;
  geometry_.rows.spec.use = TableUse::kRows;
  columns_ = &tables_.find_or_build(geometry_.columns.spec);
  row_table_ = &tables_.find_or_build(geometry_.rows.spec);
}

Rect ResizeStream::needed_region() const {
  return {geometry_.columns.origin + columns_->first, geometry_.rows.origin + row_table_->first,
          columns_->last - columns_->first, row_table_->last - row_table_->first};
}

Status ResizeStream::begin(const Rect& delivered, Size /*scaled_size*/, PixelFormat format) {
  if (format == PixelFormat::kYcc8Planar) {
    return Error{ErrorCode::kInternal, "planes were delivered where interleaved rows were asked for", Stage::kPreprocess};
  }
  const Rect needed = needed_region();
  if (needed.x < delivered.x || needed.y < delivered.y || needed.x + needed.width > delivered.x + delivered.width ||
      needed.y + needed.height > delivered.y + delivered.height) {
    return Error{ErrorCode::kInternal, "the decoder left out pixels that were asked for", Stage::kPreprocess};
  }
  if (format == PixelFormat::kGray8 && channels_ != 1) choose_tables(1);
  format_ = format;
  delivered_ = delivered;
  next_output_ = 0;
  busy_us_ = 0;
  allocate();
  for (auto fill = geometry_.fills.rbegin(); fill != geometry_.fills.rend(); ++fill) {
    writer_.fill(fill->rect, geometry_.content, fill->value);
  }
  return {};
}

void ResizeStream::allocate() {
  const std::size_t source_pixels = static_cast<std::size_t>(columns_->last - columns_->first);
  const std::size_t pixel_bytes = channels_ == 1 ? 1 : 4;
  plane_stride_ = static_cast<std::ptrdiff_t>(columns_->starts.size());
  planar_bytes_ = round_up(static_cast<std::size_t>(plane_stride_) * channels_, kSlack) + kSlack;
  const std::size_t raw_bytes = round_up(source_pixels * pixel_bytes, kSlack) + kSlack;
  ring_stride_ = geometry_.rows_first ? raw_bytes : planar_bytes_;
  ring_rows_ = row_table_->max_taps + kMaxRowsPerCall - 1;
  reserve_bytes(ring_, ring_stride_ * static_cast<std::size_t>(ring_rows_));
  reserve_bytes(combined_, ring_stride_);
  reserve_bytes(planar_, planar_bytes_);
  converted_stride_ = round_up(source_pixels * 4, kSlack) + kSlack;
  reserve_bytes(converted_, converted_stride_ * (kMaxRowsPerCall + 1));
  taps_.resize(static_cast<std::size_t>(row_table_->num_chunks) * 2);
  if (geometry_.swaps_axes) {
    reserve_bytes(turned_, planar_bytes_ * static_cast<std::size_t>(row_table_->num_outputs));
    reserve_bytes(turned_rows_,
                  (static_cast<std::size_t>(row_table_->num_outputs) + kSlack) * kTurnedRowsPerBlock * channels_);
  }
}

bool ResizeStream::rows(int y, const ImageView& rows) {
  if (rows.height < kMinRowsToTime) return take_rows(y, rows);
  const Clock::time_point start = Clock::now();
  const bool wants_more = take_rows(y, rows);
  busy_us_ += microseconds_since(start);
  return wants_more;
}

bool ResizeStream::take_rows(int y, const ImageView& rows) {
  const std::ptrdiff_t skipped_bytes =
      std::ptrdiff_t{geometry_.columns.origin + columns_->first - delivered_.x} * bytes_per_pixel(format_);
  const int first_index = y - geometry_.rows.origin;
  for (int r = 0; r < rows.height && next_output_ < row_table_->num_outputs;) {
    const int index = first_index + r;
    if (index < row_table_->starts[next_output_]) {
      ++r;  // no output reaches this row
      continue;
    }
    const std::uint8_t* sources[kMaxRowsPerCall];
    const int num_rows = std::min(kMaxRowsPerCall, rows.height - r);
    for (int i = 0; i < num_rows; ++i) sources[i] = converted(rows.row(r + i) + skipped_bytes, i);
    take_batch(sources, num_rows, index);
    emit_outputs(index + num_rows);
    r += num_rows;
  }
  return next_output_ < row_table_->num_outputs || !stop_early_;
}

const std::uint8_t* ResizeStream::converted(const std::uint8_t* row, int slot) {
  if (format_ == PixelFormat::kGray8) return row;
  const int num_pixels = columns_->last - columns_->first;
  std::uint8_t* result = &converted_[static_cast<std::size_t>(slot) * converted_stride_];
  if (format_ != PixelFormat::kRgbx8) {
    std::uint8_t* rgbx = channels_ == 1 ? &converted_[kMaxRowsPerCall * converted_stride_] : result;
    kernels_->expand_rgb(row, rgbx, num_pixels, format_ == PixelFormat::kBgr8);
    row = rgbx;
  }
  if (channels_ == 3) return row;
  kernels_->rgbx_to_gray(row, result, num_pixels);
  return result;
}

void ResizeStream::take_batch(const std::uint8_t* const* sources, int num_rows, int first_index) {
  std::uint8_t* targets[kMaxRowsPerCall];
  for (int i = 0; i < num_rows; ++i) targets[i] = ring_row(first_index + i);
  if (geometry_.rows_first) {
    const std::size_t bytes = static_cast<std::size_t>(columns_->last - columns_->first) * (channels_ == 1 ? 1 : 4);
    for (int i = 0; i < num_rows; ++i) std::memcpy(targets[i], sources[i], bytes);
  } else if (channels_ == 3) {
    kernels_->rgbx_columns(sources, num_rows, columns_->first, *columns_, targets, plane_stride_);
  } else {
    for (int i = 0; i < num_rows; ++i) kernels_->gray_columns(sources[i], columns_->first, *columns_, targets[i]);
  }
}

void ResizeStream::emit_outputs(int end_index) {
  for (; next_output_ < row_table_->num_outputs; ++next_output_) {
    if (row_table_->starts[next_output_] + row_table_->counts[next_output_] > end_index) return;
    const bool mirrored = geometry_.rows.spec.mirrored;
    const int output = mirrored ? row_table_->num_outputs - 1 - next_output_ : next_output_;
    emit(combined(next_output_), output);
  }
}

const std::uint8_t* ResizeStream::combined(int output) {
  const int start = row_table_->starts[output], count = row_table_->counts[output];
  const std::int32_t first_coefficient = row_table_->coefficients[static_cast<std::size_t>(output) * row_table_->max_taps];
  if (count == 1 && first_coefficient == 1 << row_table_->coefficient_bits) return ring_row(start);
  for (int i = 0; i < static_cast<int>(taps_.size()); ++i) taps_[i] = ring_row(start + (i < count ? i : 0));
  const std::size_t bytes = ring_stride_ - kSlack;
  kernels_->rows(taps_.data(), *row_table_, output, combined_.data(), static_cast<int>(bytes));
  return combined_.data();
}

void ResizeStream::emit(const std::uint8_t* row, int output) {
  if (geometry_.swaps_axes) {
    std::uint8_t* column = turned_column(output);
    geometry_.rows_first ? resize_columns(row, column) : void(std::memcpy(column, row, planar_bytes_ - kSlack));
    return;
  }
  if (geometry_.rows_first) {
    resize_columns(row, planar_.data());
    row = planar_.data();
  }
  const std::uint8_t* planes[kMaxChannels] = {row, row + plane_stride_, row + 2 * plane_stride_};
  writer_.write({planes, static_cast<std::size_t>(channels_)}, geometry_.content.x, geometry_.content.y + output,
                columns_->num_outputs);
}

void ResizeStream::resize_columns(const std::uint8_t* row, std::uint8_t* planar) {
  if (channels_ == 3) {
    kernels_->rgbx_columns(&row, 1, columns_->first, *columns_, &planar, plane_stride_);
  } else {
    kernels_->gray_columns(row, columns_->first, *columns_, planar);
  }
}

void ResizeStream::write_transposed() {
  const int width = row_table_->num_outputs, height = columns_->num_outputs;
  const std::ptrdiff_t row_stride = width + static_cast<std::ptrdiff_t>(kSlack);
  for (int block = 0; block < height; block += kTurnedRowsPerBlock) {
    const int num_rows = std::min(kTurnedRowsPerBlock, height - block);
    for (int c = 0; c < channels_; ++c) {
      std::uint8_t* target = turned_rows_.data() + c * kTurnedRowsPerBlock * row_stride;
      for (int x = 0; x < width; ++x) {
        const std::uint8_t* column = turned_column(x) + c * plane_stride_ + block;
        for (int r = 0; r < num_rows; ++r) target[r * row_stride + x] = column[r];
      }
    }
    for (int r = 0; r < num_rows; ++r) {
      const std::uint8_t* planes[kMaxChannels];
      for (int c = 0; c < channels_; ++c) planes[c] = turned_rows_.data() + (c * kTurnedRowsPerBlock + r) * row_stride;
      writer_.write({planes, static_cast<std::size_t>(channels_)}, geometry_.content.x, geometry_.content.y + block + r,
                    width);
    }
  }
}

Status ResizeStream::finish() {
  const Clock::time_point start = Clock::now();
  if (next_output_ < row_table_->num_outputs) {
    return Error{ErrorCode::kInternal,
                 "the decoder ended before all rows had arrived, rows written and wanted: " + std::to_string(next_output_) +
                     " of " + std::to_string(row_table_->num_outputs),
                 Stage::kPreprocess};
  }
  if (geometry_.swaps_axes) write_transposed();
  busy_us_ += microseconds_since(start);
  return {};
}

}  // namespace smol
