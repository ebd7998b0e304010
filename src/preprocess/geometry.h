#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "preprocess/axis_table.h"
#include "smol/preprocess.h"

namespace smol {

/// Torchvision's and our size rules, for a picture of `size`.
[[nodiscard]] Size resized_size(const ResizeOp& op, Size size);
/// CenterCrop's offset: (size - crop) / 2 rounded half to even; for size >= crop.
[[nodiscard]] int center_crop_offset(int size, int crop);

/// Whether Pillow (since 13.0) resizes along y before x: the height shrinks by more than twice as many pixels as the width.
/// The order shows, because values are rounded to 8 bits between the passes.
[[nodiscard]] bool resizes_y_first(Size from, Size to);

/// One axis of the sensor: what is resized, and where it begins in the (scaled) decoded picture.
struct SensorAxis {
  AxisSpec spec;
  int origin = 0;  ///< decoded pixel that is the table's source index 0
};

/// Padding: `rect` of the tensor is painted with `value` before what lies inside it.
struct Fill {
  Rect rect;
  std::array<std::uint8_t, 3> value{};
};

/// How a picture becomes a tensor: two axes in sensor coordinates and where the result lands.
struct FusedGeometry {
  bool swaps_axes = false;  ///< the oriented x axis is the sensor's y axis
  bool rows_first = false;  ///< the pass along the sensor's y axis comes before the one along its x axis
  SensorAxis columns;       ///< along the sensor's x; `use` is not set
  SensorAxis rows;          ///< along the sensor's y
  Size canvas;              ///< the tensor
  Rect content;             ///< where the picture lies in it
  std::vector<Fill> fills;  ///< outermost last
};

/// What the geometry starts from.
struct GeometrySource {
  Size stored;  ///< as stored, before decoder scaling
  Orientation orientation = Orientation::kNormal;
  int scale_denominator = 1;
  std::optional<Rect> roi;
  std::optional<Size> full_size;
  Size subsampling{1, 1};  ///< of a chroma plane, on top of the scale
};

/// Follows the geometric operators (crops, at most one resize, then crops and pads; others are skipped). `geometry`
/// keeps its memory. kInvalidArgument when a crop or region misses the picture or a pad is too small.
Status compute_geometry(std::span<const Operator> operators, const GeometrySource& source, int coefficient_bits,
                        FusedGeometry& geometry);

}  // namespace smol
