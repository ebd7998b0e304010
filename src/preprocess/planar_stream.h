#pragma once
#include <array>
#include <span>
#include <vector>

#include "media/ycc_factors.h"
#include "preprocess/resize_stream.h"
#include "preprocess/work_tensor.h"

namespace smol {

/// Resizes the Y, Cb and Cr planes as the decoder has them and converts to RGB at the small size: upsampling and converting
/// most pixels is skipped. Differs from the reference (chroma is filtered once instead of twice), hence lossy. Not
/// thread-safe; keeps its memory.
class PlanarStream : public RowConsumer {
 public:
  /// Plans the next picture. `chroma` is the expected subsampling; rows that arrive otherwise are planned anew, for which
  /// needed_region() leaves room unless it is certain. `encoding`: what the planes' samples mean.
  Status prepare(const FusedStep& step, const PointOperations& points, const GeometrySource& source, Size chroma,
                 bool is_certain, const YccEncoding& encoding);
  void set_slot(const TensorSlot& slot) { slot_ = slot; }
  [[nodiscard]] Size canvas() const { return canvas_; }
  [[nodiscard]] Rect needed_region() const;

  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override;
  bool rows(int y, const ImageView& rows) override;
  Status finish();
  [[nodiscard]] double busy_us() const;

 private:
  Status plan_planes(Size chroma);
  Status begin_planes(const ImageView& rows);

  const FusedStep* step_ = nullptr;
  PointOperations points_;
  GeometrySource source_;
  TensorSlot slot_;
  Size canvas_;
  Rect content_;
  std::vector<Fill> fills_;

  std::array<ResizeStream, 3> planes_;
  std::array<WorkTensor, 3> resized_;
  std::array<bool, 3> wants_more_{};
  Size chroma_{1, 1};
  int margin_ = 0;
  YccFactors factors_;
  Rect delivered_;
  bool begun_ = false;
  Status status_;  // rows() cannot return one

  TensorWriter writer_;
  std::array<std::vector<std::uint8_t>, 3> rgb_;
};

}  // namespace smol
