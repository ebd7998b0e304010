#include "backend/openvino/device_prefix.h"

#include <fmt/format.h>

#include <algorithm>
#include <openvino/opsets/opset13.hpp>

#include "backend/openvino/openvino_errors.h"

namespace smol {
namespace {

namespace op = ov::opset13;

/// Appends operators to a graph value and keeps track of what the value holds.
class PrefixBuilder {
 public:
  PrefixBuilder(const OutputSpec& host, std::size_t batch) : spec_(host) {
    const std::size_t width = host.width, height = host.height, channels = host.color == ColorOrder::kGray ? 1 : 3;
    const ov::Shape shape =
        host.layout == Layout::kNCHW ? ov::Shape{batch, channels, height, width} : ov::Shape{batch, height, width, channels};
    parameter_ = std::make_shared<op::Parameter>(element_type_of(host.dtype), shape);
    value_ = parameter_;
  }

  [[nodiscard]] const std::shared_ptr<op::Parameter>& parameter() const { return parameter_; }
  [[nodiscard]] const ov::Output<ov::Node>& value() const { return value_; }

  void convert(const ov::element::Type& type) {
    if (value_.get_element_type() != type) value_ = std::make_shared<op::Convert>(value_, type);
  }

  Status operator()(const ConvertOp& convert_op) {
    convert(element_type_of(convert_op.dtype));
    return {};
  }

  /// (x - mean) * (1 / scale), the same two roundings as on the host.
  Status operator()(const NormalizeOp& normalize) {
    convert(ov::element::f32);
    std::vector<float> mean(normalize.mean.begin(), normalize.mean.end()), factor;
    for (float scale : normalize.scale) factor.push_back(1.0F / scale);
    if (spec_.color == ColorOrder::kBGR) {
      std::reverse(mean.begin(), mean.end());
      std::reverse(factor.begin(), factor.end());
    }
    mean.resize(num_channels());
    factor.resize(num_channels());
    value_ = std::make_shared<op::Subtract>(value_, per_channel(mean));
    value_ = std::make_shared<op::Multiply>(value_, per_channel(factor));
    return {};
  }

  Status operator()(const LayoutOp& layout) {
    if (layout.layout == spec_.layout) return {};
    const std::vector<std::int64_t> order =
        layout.layout == Layout::kNCHW ? std::vector<std::int64_t>{0, 3, 1, 2} : std::vector<std::int64_t>{0, 2, 3, 1};
    value_ = std::make_shared<op::Transpose>(value_, integers(order));
    spec_.layout = layout.layout;
    return {};
  }

  Status operator()(const ColorOp& color) {
    if (color.order == spec_.color) return {};
    if (color.order == ColorOrder::kGray) return unsupported(Operator{color});
    // Reversed for RGB <=> BGR; the one channel three times for gray => RGB.
    const std::vector<std::int64_t> channels =
        spec_.color == ColorOrder::kGray ? std::vector<std::int64_t>{0, 0, 0} : std::vector<std::int64_t>{2, 1, 0};
    value_ = std::make_shared<op::Gather>(value_, integers(channels), integers({channel_axis()}));
    spec_.color = color.order;
    return {};
  }

  Status operator()(const ResizeOp& resize) {
    const bool has_mode = resize.filter == Filter::kBilinear || resize.filter == Filter::kBicubic;
    if (resize.mode != ResizeOp::Mode::kExact || !resize.antialias || !has_mode) return unsupported(Operator{resize});
    op::Interpolate::InterpolateAttrs attributes;
    using Base = ov::op::util::InterpolateBase;
    attributes.mode =
        resize.filter == Filter::kBilinear ? Base::InterpolateMode::BILINEAR_PILLOW : Base::InterpolateMode::BICUBIC_PILLOW;
    attributes.shape_calculation_mode = Base::ShapeCalcMode::SIZES;
    attributes.cube_coeff = -0.5;  // Pillow's bicubic
    const std::int64_t first = spec_.layout == Layout::kNCHW ? 2 : 1;
    value_ = std::make_shared<op::Interpolate>(value_, integers({resize.height, resize.width}), integers({first, first + 1}),
                                               attributes);
    return {};
  }

  template <typename Other>
  Status operator()(const Other& other) {
    return unsupported(Operator{other});
  }

 private:
  static Status unsupported(const Operator& which) {
    return Error{
        ErrorCode::kUnsupported,
        "this operator is not compiled into OpenVINO models; convert, normalize, layout, color (RGB, BGR) and antialiased "
        "bilinear or bicubic resize to an exact size are; run it on the host: " +
            to_string(which)};
  }
  [[nodiscard]] std::size_t num_channels() const { return spec_.color == ColorOrder::kGray ? 1 : 3; }
  [[nodiscard]] std::int64_t channel_axis() const { return spec_.layout == Layout::kNCHW ? 1 : 3; }
  static std::shared_ptr<op::Constant> integers(const std::vector<std::int64_t>& values) {
    return op::Constant::create(ov::element::i64, ov::Shape{values.size()}, values);
  }
  [[nodiscard]] std::shared_ptr<op::Constant> per_channel(const std::vector<float>& values) const {
    ov::Shape shape{1, 1, 1, 1};
    shape[channel_axis()] = values.size();
    return op::Constant::create(ov::element::f32, shape, values);
  }

  OutputSpec spec_;
  std::shared_ptr<op::Parameter> parameter_;
  ov::Output<ov::Node> value_;
};

}  // namespace

Status prepend_device_operators(ov::Model& model, const CompileOptions& options) {
  if (!options.host_output) {
    if (options.device_operators.empty()) return {};
    return Error{ErrorCode::kInvalidArgument, "device operators need host_output, which says what the host writes"};
  }
  const std::shared_ptr<op::Parameter> old_parameter = model.get_parameters().at(0);
  const ov::PartialShape wanted = old_parameter->get_partial_shape();
  PrefixBuilder builder(*options.host_output, wanted.size() > 0 && wanted[0].is_static() ? wanted[0].get_length() : 1);
  for (const Operator& device_operator : options.device_operators) {
    SMOL_RETURN_IF_ERROR(std::visit(builder, device_operator));
  }
  builder.convert(old_parameter->get_element_type());
  if (builder.value().get_partial_shape() != wanted) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("preprocessing and model disagree; change the card's size or layout: makes {}, model takes {}",
                             builder.value().get_partial_shape().to_string(), wanted.to_string())};
  }
  if (builder.value().get_node_shared_ptr() == builder.parameter()) return {};
  for (ov::Input<ov::Node> consumer : old_parameter->output(0).get_target_inputs()) {
    consumer.replace_source_output(builder.value());
  }
  builder.parameter()->set_friendly_name(old_parameter->get_friendly_name());
  builder.parameter()->output(0).set_names(old_parameter->output(0).get_names());
  model.replace_parameter(0, builder.parameter());
  model.validate_nodes_and_infer_types();
  return {};
}

}  // namespace smol
