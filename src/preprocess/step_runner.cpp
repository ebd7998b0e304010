#include "preprocess/step_runner.h"

#include <algorithm>

namespace smol {
namespace {

constexpr std::size_t kSlack = 64;

/// Oriented pixel (x, y) of a tensor, as float.
class FloatSource {
 public:
  FloatSource(WorkTensor& tensor, const FusedGeometry& geometry) : tensor_(tensor), geometry_(geometry) {}
  [[nodiscard]] float at(int x, int y, int channel) const {
    const int column = sensor_index(geometry_.columns, geometry_.swaps_axes ? y : x);
    const int row = sensor_index(geometry_.rows, geometry_.swaps_axes ? x : y);
    return tensor_.data<float>()[tensor_.index(column, row, channel)];
  }

 private:
  static int sensor_index(const SensorAxis& axis, int oriented) {
    return axis.origin + (axis.spec.mirrored ? axis.spec.in_size - 1 - oriented : oriented);
  }
  WorkTensor& tensor_;
  const FusedGeometry& geometry_;
};

/// Weights of one axis in double precision, as Pillow uses them for mode F.
struct FloatTaps {
  Taps taps;
  std::vector<double> weights;
};

std::vector<FloatTaps> float_taps(const AxisSpec& spec) {
  std::vector<FloatTaps> result(static_cast<std::size_t>(spec.out_end - spec.out_begin));
  AxisWalker walker(spec);
  for (FloatTaps& output : result) output.taps = walker.next(output.weights);
  return result;
}

/// Pillow's mode F: summed in double, stored as float.
template <typename SampleAt>
float weighted(const FloatTaps& output, const SampleAt& sample_at) {
  double sum = 0.0;
  for (int i = 0; i < output.taps.count; ++i) sum += double{sample_at(output.taps.start + i)} * output.weights[i];
  return static_cast<float>(sum);
}

}  // namespace

Status feed_picture(const ImageView& picture, ResizeStream& stream, std::vector<std::uint8_t>& last_rows) {
  SMOL_RETURN_IF_ERROR(stream.begin({0, 0, picture.width, picture.height}, {picture.width, picture.height}, picture.format));
  const std::size_t row_bytes = static_cast<std::size_t>(picture.width) * bytes_per_pixel(picture.format);
  const std::ptrdiff_t stride = picture.planes[0].stride_bytes;
  // Rows whose end is followed by at least kSlack bytes of later rows can be read in place.
  const std::size_t unsafe_rows = stride <= 0
                                      ? static_cast<std::size_t>(picture.height)
                                      : (kSlack + static_cast<std::size_t>(stride) - 1) / static_cast<std::size_t>(stride);
  const int safe_rows = picture.height - static_cast<int>(std::min<std::size_t>(unsafe_rows, picture.height));
  ImageView part = picture;
  part.height = safe_rows;
  if (safe_rows > 0 && !stream.rows(0, part)) return stream.finish();
  last_rows.resize(row_bytes + kSlack);
  part.height = 1;
  for (int y = safe_rows; y < picture.height; ++y) {
    std::memcpy(last_rows.data(), picture.row(y), row_bytes);
    part.planes[0].data = last_rows.data();
    if (!stream.rows(y, part)) break;
  }
  return stream.finish();
}

Status StepRunner::run(std::span<const PhysicalStep> steps, Orientation orientation) {
  for (const PhysicalStep& step : steps) {
    if (const auto* single = std::get_if<SingleStep>(&step)) {
      SMOL_RETURN_IF_ERROR(run_single(single->op, orientation));
    } else {
      const auto& fused = std::get<FusedStep>(step);
      SMOL_RETURN_IF_ERROR(run_fused(fused.operators, {current().size, orientation, 1, {}, {}}, fused.coefficient_bits));
    }
  }
  return {};
}

Status StepRunner::crop_to_region(const GeometrySource& source, bool orient) {
  const Operator orientation{OrientOp{}};
  return run_fused({&orientation, orient ? 1U : 0U}, source, 22);
}

Status StepRunner::run_single(const Operator& op, Orientation orientation) {
  if (const auto* convert_op = std::get_if<ConvertOp>(&op)) return convert(*convert_op), Status();
  if (const auto* normalize_op = std::get_if<NormalizeOp>(&op)) return normalize(*normalize_op), Status();
  if (const auto* color_op = std::get_if<ColorOp>(&op)) return recolor(*color_op), Status();
  if (const auto* layout_op = std::get_if<LayoutOp>(&op)) return relayout(*layout_op), Status();
  if (const auto* user_op = std::get_if<UserOp>(&op)) return run_user(*user_op->op);
  return run_geometry(op, {current().size, orientation, 1, {}, {}});
}

Status StepRunner::run_geometry(const Operator& op, const GeometrySource& source) {
  if (current().dtype == DType::kF32) return run_float_geometry(op, source);
  if (current().layout == Layout::kNCHW) return run_planes(op, source);
  if (current().color != ColorOrder::kBGR) return run_fused({&op, 1}, source, 22);
  // The kernels take the channels as they come; only a pad's colour has to be turned.
  Operator swapped = op;
  if (auto* pad = std::get_if<PadOp>(&swapped)) std::swap(pad->value[0], pad->value[2]);
  current().color = ColorOrder::kRGB;
  SMOL_RETURN_IF_ERROR(run_fused({&swapped, 1}, source, 22));
  current().color = ColorOrder::kBGR;
  return {};
}

Status StepRunner::run_fused(std::span<const Operator> operators, const GeometrySource& source, int coefficient_bits) {
  SMOL_RETURN_IF_ERROR(compute_geometry(operators, source, coefficient_bits, stream_.geometry()));
  const PointOperations points = point_operations_of(operators);
  WorkTensor& output = other();
  const bool gray = current().color == ColorOrder::kGray;
  output.dtype = points.dtype;
  output.layout = points.layout;
  output.color = gray ? ColorOrder::kGray : points.color;
  output.size = stream_.geometry().canvas;
  output.allocate();
  stream_.prepare(points, gray, true);
  stream_.set_slot(output.slot());
  SMOL_RETURN_IF_ERROR(feed_picture(current().picture(), stream_, last_rows_));
  swap();
  return {};
}

Status StepRunner::run_planes(const Operator& op, const GeometrySource& source) {
  SMOL_RETURN_IF_ERROR(compute_geometry({&op, 1}, source, 22, stream_.geometry()));
  WorkTensor& input = current();
  WorkTensor& output = other();
  output.dtype = input.dtype;
  output.layout = input.layout;
  output.color = input.color;
  output.size = stream_.geometry().canvas;
  output.allocate();
  for (int c = 0; c < input.channels(); ++c) {
    Operator plane_op = op;
    if (auto* pad = std::get_if<PadOp>(&plane_op)) {
      if (input.color != ColorOrder::kGray) pad->value.fill(pad->value[input.color == ColorOrder::kBGR ? 2 - c : c]);
    }
    SMOL_RETURN_IF_ERROR(compute_geometry({&plane_op, 1}, source, 22, stream_.geometry()));
    stream_.prepare({}, true, true);
    TensorSlot slot = output.slot();
    slot.color = ColorOrder::kGray;
    slot.data = output.data<std::uint8_t>() + output.index(0, 0, c);
    stream_.set_slot(slot);
    ImageView plane = input.picture();
    plane.format = PixelFormat::kGray8;
    plane.planes[0].data = input.data<std::uint8_t>() + input.index(0, 0, c);
    plane.planes[0].stride_bytes = input.size.width;
    SMOL_RETURN_IF_ERROR(feed_picture(plane, stream_, last_rows_));
  }
  swap();
  return {};
}

Status StepRunner::run_float_geometry(const Operator& op, const GeometrySource& source) {
  FusedGeometry& geometry = stream_.geometry();
  SMOL_RETURN_IF_ERROR(compute_geometry({&op, 1}, source, 22, geometry));
  WorkTensor& output = other();
  output.dtype = DType::kF32;
  output.layout = current().layout;
  output.color = current().color;
  output.size = geometry.canvas;
  output.allocate();
  std::fill_n(output.data<float>(), output.slot().size_bytes() / sizeof(float), 0.0F);
  // `a` is the axis of the first pass, `b` of the second.
  const bool y_first = geometry.rows_first != geometry.swaps_axes;
  const AxisSpec& rows_axis = geometry.rows.spec;
  const AxisSpec& columns_axis = geometry.columns.spec;
  const std::vector<FloatTaps> a_taps = float_taps(geometry.rows_first ? rows_axis : columns_axis);
  const std::vector<FloatTaps> b_taps = float_taps(geometry.rows_first ? columns_axis : rows_axis);
  const int b_size = geometry.rows_first ? columns_axis.in_size : rows_axis.in_size;
  const FloatSource input(current(), geometry);
  float_rows_.resize(static_cast<std::size_t>(b_size) * a_taps.size());
  for (int c = 0; c < output.channels(); ++c) {
    for (int b = 0; b < b_size; ++b) {
      for (std::size_t a = 0; a < a_taps.size(); ++a) {
        float_rows_[b * a_taps.size() + a] =
            weighted(a_taps[a], [&](int tap) { return y_first ? input.at(b, tap, c) : input.at(tap, b, c); });
      }
    }
    for (std::size_t b = 0; b < b_taps.size(); ++b) {
      for (std::size_t a = 0; a < a_taps.size(); ++a) {
        const int x = geometry.content.x + static_cast<int>(y_first ? b : a);
        const int y = geometry.content.y + static_cast<int>(y_first ? a : b);
        output.data<float>()[output.index(x, y, c)] =
            weighted(b_taps[b], [&](int tap) { return float_rows_[tap * a_taps.size() + a]; });
      }
    }
  }
  swap();
  return {};
}

Status StepRunner::run_user(const UserOperator& op) {
  SMOL_ASSIGN_OR_RETURN(const Size size, op.output_size(current().size));
  if (size.width <= 0 || size.height <= 0) {
    return Error{ErrorCode::kInvalidArgument, "the user operator makes an empty picture: " + std::string(op.name()),
                 Stage::kPreprocess};
  }
  WorkTensor& output = other();
  output.dtype = DType::kU8;
  output.layout = Layout::kNHWC;
  output.color = ColorOrder::kRGB;
  output.size = size;
  output.allocate();
  ImageView view = output.picture();
  SMOL_RETURN_IF_ERROR(op.apply(current().picture(), view));
  swap();
  return {};
}

void StepRunner::convert(const ConvertOp& op) {
  if (op.dtype == current().dtype) return;
  WorkTensor& output = other();
  output.layout = current().layout;
  output.color = current().color;
  output.size = current().size;
  output.dtype = op.dtype;
  output.allocate();
  const std::uint8_t* source = current().data<std::uint8_t>();
  const std::size_t count = output.slot().size_bytes() / sizeof(float);
  for (std::size_t i = 0; i < count; ++i) output.data<float>()[i] = static_cast<float>(source[i]);
  swap();
}

void StepRunner::normalize(const NormalizeOp& op) {
  WorkTensor& tensor = current();
  for (int c = 0; c < tensor.channels(); ++c) {
    const int rgb = tensor.color == ColorOrder::kBGR ? 2 - c : c;
    const float mean = op.mean[rgb], inverse_scale = 1.0F / op.scale[rgb];
    for (int y = 0; y < tensor.size.height; ++y) {
      for (int x = 0; x < tensor.size.width; ++x) {
        float& sample = tensor.data<float>()[tensor.index(x, y, c)];
        sample = (sample - mean) * inverse_scale;
      }
    }
  }
}

}  // namespace smol
