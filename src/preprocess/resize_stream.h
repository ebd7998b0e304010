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
/// Pillow resizes along the oriented x axis first, rounds to 8 bits, then along y. Where the orientation keeps the axes,
/// each arriving row is resized along x at once and a ring of such rows feeds the second pass. Where it swaps them, Pillow's
/// first pass runs along the sensor's y axis: the ring holds raw rows, and each combined row (one column of the oriented
/// picture) is resized along x and kept until the tensor can be written row by row.
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
  void emit_row(const std::uint8_t* planar, int output);
  void emit_column(const std::uint8_t* interleaved, int output);
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

  std::vector<std::uint8_t> ring_;  // planar resized rows, or raw rows when the axes are swapped
  std::size_t ring_stride_ = 0;
  int ring_rows_ = 1;
  std::ptrdiff_t plane_stride_ = 0;      // between the channels of a planar row
  std::vector<std::uint8_t> combined_;   // one row after the pass along y
  std::vector<std::uint8_t> converted_;  // rows turned into the pixel format of the kernels
  std::size_t converted_stride_ = 0;
  std::vector<std::uint8_t> turned_;  // finished columns when the axes are swapped
  std::vector<std::uint8_t> turned_rows_;
  std::vector<const std::uint8_t*> taps_;
};

}  // namespace smol
