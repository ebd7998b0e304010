#pragma once
#include <optional>
#include <vector>

#include "preprocess/planar_stream.h"
#include "preprocess/resize_stream.h"
#include "preprocess/step_runner.h"

namespace smol {

/// The host steps of one physical pipeline for one picture at a time: rows go through the first fused step while they are
/// decoded, or are collected into a whole picture for single steps. Not thread-safe; keeps its memory.
class PictureStream : public RowConsumer {
 public:
  /// `pipeline` outlives this object.
  PictureStream(const PhysicalPipeline& pipeline, const OutputSpec& output);
  PictureStream(const PictureStream&) = delete;
  PictureStream& operator=(const PictureStream&) = delete;

  /// Before decoding. kInvalidArgument when the slot is not what the pipeline writes, or the picture does not suit it.
  Status prepare(const ImageHeader& header, const DecodeStep& decode, const PreprocessOptions& options,
                 const TensorSlot& slot);
  /// The first half of prepare(), without a slot: enough for region() and needed().
  Status plan(const ImageHeader& header, const DecodeStep& decode, const PreprocessOptions& options);
  /// The part of the scaled picture to ask the decoder for; empty when it shall decode everything.
  [[nodiscard]] std::optional<Rect> region() const { return region_; }
  /// The part of the scaled picture that is looked at, whatever the decoder is asked for; empty when that is not known.
  [[nodiscard]] std::optional<Rect> needed() const { return needed_; }

  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override;
  bool rows(int y, const ImageView& rows) override;
  /// After decoding: runs what is left and fills the slot.
  Status finish(const TensorSlot& slot);

  /// What a decoder delivered earlier.
  Status feed(const DecodedPart& part, const PreprocessOptions& options, const TensorSlot& slot);
  /// A decoded picture instead of a decoder.
  Status feed(const ImageView& picture, Orientation orientation, const PreprocessOptions& options, const TensorSlot& slot);

  /// The plan's decoder scale, less where this picture would have to be enlarged again.
  [[nodiscard]] int largest_denominator(const ImageHeader& header, const PreprocessOptions& options) const;
  [[nodiscard]] const OutputSpec& output() const { return output_; }
  /// Of the time between begin() and the last rows(), what was spent here (as far as measured).
  [[nodiscard]] double busy_us() const;

 private:
  /// Where decoded rows go.
  enum class Route { kFused, kPlanar, kCollect };

  Status check_slot(const TensorSlot& slot) const;
  Status plan_fused(bool gray);
  Status plan_planar(const ImageHeader& header);
  Status aim_at(const TensorSlot& slot);
  Result<TensorSlot> target_of(Size canvas, const TensorSlot& slot);
  Status finish_steps(const TensorSlot& slot);
  Status run_single_steps(const TensorSlot& slot);
  [[nodiscard]] Result<Rect> needed_by_single_steps();

  const PhysicalPipeline& pipeline_;
  const OutputSpec output_;
  const FusedStep* first_fused_ = nullptr;  // null when the first step is a single one
  PointOperations points_;                  // of first_fused_
  std::vector<Operator> flat_operators_;    // of all steps
  bool could_fuse_ = false;                 // flat_operators_ as one step: then the region can be found from them
  bool orients_ = false;

  Route route_ = Route::kFused;  // of the current picture
  ResizeStream stream_;
  PlanarStream planar_;
  StepRunner runner_;
  PictureCollector collector_{runner_.begin_picture()};
  std::vector<std::uint8_t> last_rows_;
  std::optional<Rect> region_, needed_;
  GeometrySource source_;
  DecodeStep decode_;  // of the current picture
};

}  // namespace smol
