#include "preprocess/geometry.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace smol {
namespace {

constexpr std::int64_t kMaxResizedSide = 1 << 28;

std::string size_text(Size size) { return std::to_string(size.width) + "x" + std::to_string(size.height); }

int clamp_side(double side) { return static_cast<int>(std::clamp<double>(side, 1.0, static_cast<double>(kMaxResizedSide))); }

/// Rounds a side scaled by `numerator / denominator`; a side never vanishes.
int scaled_side(int side, int numerator, int denominator) {
  return clamp_side(std::floor(static_cast<double>(side) * numerator / denominator + 0.5));
}

/// The part of the oriented picture that is left after region of interest and crops, in full-resolution pixels.
struct Window {
  double x_begin = 0, x_end = 0, y_begin = 0, y_end = 0;
  Size size;  // in whole pixels: what size rules see
};

Rect clipped(const Rect& rect, Size size) {
  const std::int64_t right = std::min<std::int64_t>(std::int64_t{rect.x} + rect.width, size.width);
  const std::int64_t bottom = std::min<std::int64_t>(std::int64_t{rect.y} + rect.height, size.height);
  const int x = std::max(rect.x, 0), y = std::max(rect.y, 0);
  return {x, y, static_cast<int>(std::max<std::int64_t>(right - x, 0)),
          static_cast<int>(std::max<std::int64_t>(bottom - y, 0))};
}

Result<Window> initial_window(const GeometrySource& source, Size oriented) {
  Window window{0, static_cast<double>(oriented.width), 0, static_cast<double>(oriented.height), oriented};
  if (!source.roi) return window;
  const Size full = source.full_size.value_or(oriented);
  const Rect roi = clipped(*source.roi, full);
  if (roi.width == 0 || roi.height == 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "the region of interest misses the picture of " + size_text(full) + ": x " + std::to_string(source.roi->x) +
                     ", y " + std::to_string(source.roi->y) + ", " + size_text({source.roi->width, source.roi->height}),
                 Stage::kPreprocess};
  }
  const double x_ratio = static_cast<double>(oriented.width) / full.width;
  const double y_ratio = static_cast<double>(oriented.height) / full.height;
  window = {roi.x * x_ratio, (roi.x + roi.width) * x_ratio, roi.y * y_ratio, (roi.y + roi.height) * y_ratio, {}};
  window.size = {scaled_side(roi.width, oriented.width, full.width), scaled_side(roi.height, oriented.height, full.height)};
  return window;
}

Status crop_window(const CropOp& op, Window& window) {
  const Rect rect = clipped(op.rect, window.size);
  if (rect.width == 0 || rect.height == 0) {
    return Error{ErrorCode::kInvalidArgument,
                 "the crop misses the picture of " + size_text(window.size) + ": " + to_string(Operator{op}),
                 Stage::kPreprocess};
  }
  window.x_begin += rect.x;
  window.y_begin += rect.y;
  window.x_end = std::min(window.x_begin + rect.width, window.x_end);
  window.y_end = std::min(window.y_begin + rect.height, window.y_end);
  window.size = {rect.width, rect.height};
  return {};
}

/// The tensor-to-be after the resize: a canvas with the picture somewhere on it.
struct Canvas {
  Size size;
  Rect content;                  // on the canvas
  int shown_x = 0, shown_y = 0;  // resized pixel at content's top-left corner
};

Rect moved(const Rect& rect, int x, int y) { return {rect.x + x, rect.y + y, rect.width, rect.height}; }

void crop_canvas(const Rect& rect, Canvas& canvas, std::vector<Fill>& fills) {
  const Rect shifted = moved(canvas.content, -rect.x, -rect.y);
  canvas.size = {rect.width, rect.height};
  canvas.content = clipped(shifted, canvas.size);
  canvas.shown_x += canvas.content.x - shifted.x;
  canvas.shown_y += canvas.content.y - shifted.y;
  for (Fill& fill : fills) fill.rect = clipped(moved(fill.rect, -rect.x, -rect.y), canvas.size);
}

void pad_canvas(Size size, int x, int y, std::array<std::uint8_t, 3> value, Canvas& canvas, std::vector<Fill>& fills) {
  canvas.size = size;
  canvas.content = moved(canvas.content, x, y);
  for (Fill& fill : fills) fill.rect = moved(fill.rect, x, y);
  fills.push_back({{0, 0, size.width, size.height}, value});
}

/// Operators after the resize.
class CanvasFollower {
 public:
  CanvasFollower(Canvas& canvas, std::vector<Fill>& fills) : canvas_(canvas), fills_(fills) {}

  Status operator()(const CropOp& op) {
    const Rect rect = clipped(op.rect, canvas_.size);
    if (rect.width == 0 || rect.height == 0) {
      return Error{ErrorCode::kInvalidArgument,
                   "the crop misses the picture of " + size_text(canvas_.size) + ": " + to_string(Operator{op}),
                   Stage::kPreprocess};
    }
    crop_canvas(rect, canvas_, fills_);
    return {};
  }

  Status operator()(const CenterCropOp& op) {
    const Size before = canvas_.size;
    const Size padded{std::max(before.width, op.width), std::max(before.height, op.height)};
    if (!(padded == before)) {
      pad_canvas(padded, (padded.width - before.width) / 2, (padded.height - before.height) / 2, {}, canvas_, fills_);
    }
    crop_canvas(
        {center_crop_offset(padded.width, op.width), center_crop_offset(padded.height, op.height), op.width, op.height},
        canvas_, fills_);
    return {};
  }

  Status operator()(const PadOp& op) {
    const Size before = canvas_.size;
    if (before.width > op.width || before.height > op.height) {
      return Error{ErrorCode::kInvalidArgument,
                   "the picture of " + size_text(before) + " is larger than the padded size: " + to_string(Operator{op}),
                   Stage::kPreprocess};
    }
    if (before == Size{op.width, op.height}) return {};
    const int x = op.centered ? (op.width - before.width) / 2 : 0;
    const int y = op.centered ? (op.height - before.height) / 2 : 0;
    pad_canvas({op.width, op.height}, x, y, op.value, canvas_, fills_);
    return {};
  }

  template <typename PointOperator>
  Status operator()(const PointOperator&) {
    return {};
  }

 private:
  Canvas& canvas_;
  std::vector<Fill>& fills_;
};

/// One oriented axis as the sensor has it: [begin, end) of `stored` full-resolution pixels, decoded at 1/denominator.
SensorAxis sensor_axis(double begin, double end, int stored, int denominator, bool mirrored) {
  SensorAxis axis;
  const double low = (mirrored ? stored - end : begin) / denominator;
  const double high = (mirrored ? stored - begin : end) / denominator;
  const int scaled = (stored + denominator - 1) / denominator;
  axis.origin = std::clamp(static_cast<int>(std::floor(low)), 0, scaled - 1);
  const int limit = std::clamp(static_cast<int>(std::ceil(high)), axis.origin + 1, scaled);
  axis.spec.in_size = limit - axis.origin;
  axis.spec.mirrored = mirrored;
  axis.spec.box_begin = static_cast<float>(mirrored ? limit - high : low - axis.origin);
  axis.spec.box_end = static_cast<float>(mirrored ? limit - low : high - axis.origin);
  return axis;
}

/// With 14 bits, only one pass is shortened, so that samples provably stay within 1 of 22 bits. Averaging filters: the first
/// pass, whose errors of at most 1 are then averaged exactly. Filters with negative lobes would amplify those: the second.
void shorten_coefficients(SensorAxis& first, SensorAxis& second) {
  const Filter filter = first.spec.filter;
  const bool amplifies = filter == Filter::kBicubic || filter == Filter::kLanczos;
  AxisSpec& spec = amplifies ? second.spec : first.spec;
  // Beyond this the rounding of so many coefficients could itself add up to 1.
  constexpr float kMaxShrinking = 16;
  if (spec.box_end - spec.box_begin < kMaxShrinking * static_cast<float>(spec.out_size)) spec.coefficient_bits = 14;
}

void set_outputs(SensorAxis& axis, const ResizeOp& resize, int out_size, int out_begin, int out_end) {
  axis.spec.filter = resize.filter;
  axis.spec.antialias = resize.antialias;
  axis.spec.out_size = out_size;
  axis.spec.out_begin = out_begin;
  axis.spec.out_end = out_end;
}

bool mirrors_columns(Orientation o) {
  return o == Orientation::kFlipHorizontal || o == Orientation::kRotate180 || o == Orientation::kTransverse ||
         o == Orientation::kRotate270;
}
bool mirrors_rows(Orientation o) {
  return o == Orientation::kRotate180 || o == Orientation::kFlipVertical || o == Orientation::kRotate90 ||
         o == Orientation::kTransverse;
}

void place_axes(const GeometrySource& source, Orientation orientation, const Window& window, const ResizeOp& resize,
                Size resized, const Canvas& canvas, int bits, FusedGeometry& geometry) {
  const bool swaps = swaps_axes(orientation);
  const int denominator = source.scale_denominator;
  SensorAxis& x_axis = swaps ? geometry.rows : geometry.columns;
  SensorAxis& y_axis = swaps ? geometry.columns : geometry.rows;
  const bool x_mirrored = swaps ? mirrors_rows(orientation) : mirrors_columns(orientation);
  const bool y_mirrored = swaps ? mirrors_columns(orientation) : mirrors_rows(orientation);
  const int x_stored = swaps ? source.stored.height : source.stored.width;
  const int y_stored = swaps ? source.stored.width : source.stored.height;
  const int x_subsampling = swaps ? source.subsampling.height : source.subsampling.width;
  const int y_subsampling = swaps ? source.subsampling.width : source.subsampling.height;
  x_axis = sensor_axis(window.x_begin, window.x_end, x_stored, denominator * x_subsampling, x_mirrored);
  y_axis = sensor_axis(window.y_begin, window.y_end, y_stored, denominator * y_subsampling, y_mirrored);
  set_outputs(x_axis, resize, resized.width, canvas.shown_x, canvas.shown_x + canvas.content.width);
  set_outputs(y_axis, resize, resized.height, canvas.shown_y, canvas.shown_y + canvas.content.height);
  geometry.swaps_axes = swaps;
  const bool y_first = resizes_y_first({x_axis.spec.in_size, y_axis.spec.in_size}, resized);
  if (bits == 14) y_first ? shorten_coefficients(y_axis, x_axis) : shorten_coefficients(x_axis, y_axis);
  geometry.rows_first = y_first != swaps;
  geometry.canvas = canvas.size;
  geometry.content = canvas.content;
}

}  // namespace

bool resizes_y_first(Size from, Size to) {
  const std::int64_t shrinks_x = std::int64_t{from.width} - to.width, shrinks_y = std::int64_t{from.height} - to.height;
  return shrinks_y > 0 && shrinks_y > 2 * shrinks_x;
}

int center_crop_offset(int size, int crop) {
  const int difference = size - crop;
  const int half = difference / 2;
  return difference % 2 == 0 || half % 2 == 0 ? half : half + 1;
}

Size resized_size(const ResizeOp& op, Size size) {
  const int short_side = std::min(size.width, size.height), long_side = std::max(size.width, size.height);
  switch (op.mode) {
    case ResizeOp::Mode::kShortSide: {
      const std::int64_t floored = std::int64_t{op.width} * long_side / short_side;
      const int other = clamp_side(static_cast<double>(floored));
      return size.width <= size.height ? Size{op.width, other} : Size{other, op.width};
    }
    case ResizeOp::Mode::kLongSide: {
      const int other = scaled_side(short_side, op.width, long_side);
      return size.width >= size.height ? Size{op.width, other} : Size{other, op.width};
    }
    case ResizeOp::Mode::kExact:
      return {op.width, op.height};
    case ResizeOp::Mode::kFit: {
      const bool width_limits = std::int64_t{op.width} * size.height <= std::int64_t{op.height} * size.width;
      return width_limits ? Size{op.width, scaled_side(size.height, op.width, size.width)}
                          : Size{scaled_side(size.width, op.height, size.height), op.height};
    }
  }
  return size;
}

Status compute_geometry(std::span<const Operator> operators, const GeometrySource& source, int coefficient_bits,
                        FusedGeometry& geometry) {
  const auto is = [&](auto sample, const Operator& op) { return std::holds_alternative<decltype(sample)>(op); };
  bool oriented = false;
  std::size_t resize_at = operators.size();
  for (std::size_t i = 0; i < operators.size(); ++i) {
    oriented = oriented || is(OrientOp{}, operators[i]);
    if (is(ResizeOp{}, operators[i])) resize_at = i;
  }
  const Orientation orientation = oriented ? source.orientation : Orientation::kNormal;
  const Size size = swaps_axes(orientation) ? Size{source.stored.height, source.stored.width} : source.stored;
  SMOL_ASSIGN_OR_RETURN(Window window, initial_window(source, size));

  ResizeOp resize{ResizeOp::Mode::kExact, window.size.width, window.size.height, Filter::kBilinear, true};
  std::size_t next = 0;
  if (resize_at < operators.size()) {
    for (; next < resize_at; ++next) {
      if (const auto* crop = std::get_if<CropOp>(&operators[next])) SMOL_RETURN_IF_ERROR(crop_window(*crop, window));
    }
    resize = std::get<ResizeOp>(operators[next++]);
  }
  const Size resized = resized_size(resize, window.size);
  geometry.fills.clear();
  Canvas canvas{resized, {0, 0, resized.width, resized.height}};
  CanvasFollower follower(canvas, geometry.fills);
  for (; next < operators.size(); ++next) SMOL_RETURN_IF_ERROR(std::visit(follower, operators[next]));
  if (canvas.content.width == 0 || canvas.content.height == 0) {
    return Error{ErrorCode::kInvalidArgument, "the crop shows nothing but padding", Stage::kPreprocess};
  }
  place_axes(source, orientation, window, resize, resized, canvas, coefficient_bits, geometry);
  return {};
}

}  // namespace smol
