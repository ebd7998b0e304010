#pragma once
#include "smol/codec.h"
#include "smol/preprocess.h"

namespace smol {

/// What a physical pipeline does to one picture, counted. Exact counts of a model, never timings: the same input gives the
/// same count on every machine.
struct WorkCount {
  double entropy_bytes = 0;      ///< compressed bytes the decoder must read
  double decoded_samples = 0;    ///< samples through the inverse transform
  double converted_pixels = 0;   ///< pixels upsampled and colour-converted by the decoder
  double predicted_samples = 0;  ///< of a video's frame, made from other frames
  double deblocked_samples = 0;  ///< filtered at the edges of their blocks
  double u8_operations = 0;      ///< arithmetic on 8-bit samples, on the host
  double f32_operations = 0;     ///< arithmetic on floats, on the host
  double memory_bytes = 0;       ///< read and written between host steps
  double device_operations = 0;  ///< arithmetic compiled into the model graph
  double transfer_bytes = 0;     ///< what the host hands to a device with its own memory
};

/// Price of each kind of work; a machine's profile scales it. The unit of the defaults is one 8-bit multiply-add of the
/// resize kernel (about 0.08 ns on an AVX2 core). The ratios fit measured stages of JPEG to tensor, by the decoder of
/// baseline JPEGs: entropy decoding at 225 MB/s, 0.2 ns a sample, 0.27 ns a pixel. Of H.264, 480p to 1080p: 1.3 ns a sample
/// in all, and a third more frames a second without deblocking.
struct OpCostWeights {
  double entropy_byte = 55;
  double decoded_sample = 2.5;
  double converted_pixel = 3.5;
  double predicted_sample = 9;
  double deblocked_sample = 4.5;
  double u8_operation = 1;
  double f32_operation = 2;  ///< half the lanes of the 16-bit arithmetic on u8
  double memory_byte = 0.4;
  double device_operation = 2;
  double transfer_byte = 2;
};
/// kInvalidArgument unless all are finite, none negative and f32 at least as dear as u8: pruning relies on it.
[[nodiscard]] Status verify(const OpCostWeights& weights);

/// Priced work, in the unit of the weights.
struct OpCost {
  double decode = 0, host = 0, device = 0, transfer = 0;
  [[nodiscard]] double total() const { return decode + host + device + transfer; }
};
[[nodiscard]] OpCost price(const WorkCount& work, const OpCostWeights& weights);

/// True when `a` costs no more than `b` under every valid OpCostWeights and less under some: no more of anything, where an
/// operation on u8 may stand in for one on f32. A strict partial order.
[[nodiscard]] bool dominates(const WorkCount& a, const WorkCount& b);

/// Counts decoding alone. `needed` lies in the stored, scaled picture; empty = all of it.
[[nodiscard]] WorkCount count_decode(const DecodeStep& decode, const ImageHeader& header, const std::optional<Rect>& needed);

/// Counts `pipeline` on a picture like `typical`. `separate_memory`: the backend's; without it nothing is transferred.
[[nodiscard]] WorkCount count_work(const PhysicalPipeline& pipeline, const ImageHeader& typical, bool separate_memory);

/// Size of the picture after `op`, for a picture of size `input`. Operators without geometry keep it.
[[nodiscard]] Size size_after(const Operator& op, Size input);

}  // namespace smol
