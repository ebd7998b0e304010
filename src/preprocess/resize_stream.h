#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "preprocess/geometry.h"
#include "preprocess/kernels.h"
#include "preprocess/tensor_writer.h"
#include "smol/codec.h"

namespace smol {

/// Takes rows as a decoder makes them and writes the finished tensor, keeping only as many rows as the filter is high.
///
/// Pillow resizes along one axis, rounds to 8 bits, then along the other. Where its first axis is the sensor's x, each
/// arriving row is resized along x at once and a ring of such rows feeds the second pass. Where it is the sensor's y (tall
/// pictures, orientations that swap the axes), the ring holds raw rows, and each combined row is then resized along x. When
/// the axes are swapped, finished rows are columns of the tensor: they are kept until it can be written row by row.
///
/// Not thread-safe. Keeps its memory between pictures.
class ResizeStream : public RowConsumer {
 public:
  /// Plans the next picture: what is needed of it, and where it goes. `slot` must already have the canvas size of
  /// `geometry()`, which the caller has computed. `gray_source`: rows are expected to have one channel.
  void prepare(const PointOperations& points, bool gray_source, bool stop_early);
  void set_slot(const TensorSlot& slot);
  [[nodiscard]] FusedGeometry& geometry() { return geometry_; }
  /// What is needed of the decoded (scaled) picture.
  [[nodiscard]] Rect needed_region() const;

  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override;
  bool rows(int y, const ImageView& rows) override;
  /// After the last row: kInternal when rows are missing.
  Status finish();
  /// Time spent in rows(), where it was cheap to measure, and in finish().
  [[nodiscard]] double busy_us() const { return busy_us_; }

 private:
  static constexpr int kMaxChannels = 3;

  void choose_tables(int channels);
  void allocate();
  bool take_rows(int y, const ImageView& rows);
  const std::uint8_t* converted(const std::uint8_t* row, int slot);
  void take_batch(const std::uint8_t* const* sources, int num_rows, int first_index);
  void emit_outputs(int end_index);
  const std::uint8_t* combined(int output);
  void emit(const std::uint8_t* row, int output);
  void resize_columns(const std::uint8_t* row, std::uint8_t* planar);
  [[nodiscard]] std::uint8_t* turned_column(int output) {
    return &turned_[static_cast<std::size_t>(output) * planar_bytes_];
  }
  void write_transposed();
  [[nodiscard]] std::uint8_t* ring_row(int index) {
    return &ring_[static_cast<std::size_t>(index % ring_rows_) * ring_stride_];
  }

  FusedGeometry geometry_;
  PointOperations points_;
  AxisTableCache tables_;
  const AxisTable* columns_ = nullptr;
  const AxisTable* row_table_ = nullptr;
  const KernelTable* kernels_ = nullptr;
  TensorWriter writer_;
  bool stop_early_ = true;

  PixelFormat format_ = PixelFormat::kRgbx8;
  int channels_ = 3;
  Rect delivered_;
  int next_output_ = 0;
  double busy_us_ = 0;

  std::vector<std::uint8_t> ring_;  // planar resized rows, or raw rows when the pass along y comes first
  std::size_t ring_stride_ = 0;
  int ring_rows_ = 1;
  std::ptrdiff_t plane_stride_ = 0;      // between the channels of a planar row
  std::size_t planar_bytes_ = 0;         // of a planar row
  std::vector<std::uint8_t> combined_;   // one row after the pass along y
  std::vector<std::uint8_t> planar_;     // the same after the pass along x, when that comes second
  std::vector<std::uint8_t> converted_;  // rows turned into the pixel format of the kernels
  std::size_t converted_stride_ = 0;
  std::vector<std::uint8_t> turned_;  // finished columns when the axes are swapped
  std::vector<std::uint8_t> turned_rows_;
  std::vector<const std::uint8_t*> taps_;
};

}  // namespace smol
