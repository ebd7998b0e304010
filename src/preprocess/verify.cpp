#include <cmath>

#include "preprocess/thumbnail.h"
#include "smol/preprocess.h"

namespace smol {
namespace {

/// Sides beyond this are refused: coefficient tables and slots would no longer fit their 32-bit indices.
constexpr int kMaxSide = 65'535;

/// What is known of the picture or tensor between two operators.
struct Flow {
  OutputSpec spec{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, 0, 0};
  bool size_known = false;
  bool geometry_begun = false;
  bool oriented = false;
  bool normalized = false;
};

Error invalid(const Operator& op, std::string_view why) {
  return Error{ErrorCode::kInvalidArgument, std::string(why) + ": " + to_string(op)};
}

bool is_valid_side(int side) { return side > 0 && side <= kMaxSide; }

/// Follows one operator; an error when it cannot stand where it stands.
class FlowChecker {
 public:
  FlowChecker(Flow& flow, const Operator& op) : flow_(flow), op_(op) {}

  Status operator()(const OrientOp&) {
    if (flow_.oriented) return invalid(op_, "a picture is oriented once");
    if (flow_.geometry_begun) return invalid(op_, "orient must stand before resize, crop and pad");
    flow_.oriented = true;
    return {};
  }

  Status operator()(const ResizeOp& op) {
    const bool one_side = op.mode == ResizeOp::Mode::kShortSide || op.mode == ResizeOp::Mode::kLongSide;
    if (!is_valid_side(op.width) || (!one_side && !is_valid_side(op.height))) {
      return invalid(op_, "sides must be in 1.." + std::to_string(kMaxSide));
    }
    flow_.geometry_begun = true;
    flow_.size_known = op.mode == ResizeOp::Mode::kExact;
    if (flow_.size_known) set_size(op.width, op.height);
    return {};
  }

  Status operator()(const CropOp& op) {
    if (!is_valid_side(op.rect.width) || !is_valid_side(op.rect.height) || op.rect.x < 0 || op.rect.y < 0) {
      return invalid(op_, "a crop starts inside the picture and has sides in 1.." + std::to_string(kMaxSide));
    }
    if (flow_.size_known &&
        (op.rect.x + op.rect.width > flow_.spec.width || op.rect.y + op.rect.height > flow_.spec.height)) {
      return invalid(op_, "the crop leaves the picture of " + std::to_string(flow_.spec.width) + "x" +
                              std::to_string(flow_.spec.height));
    }
    return fixed_size(op.rect.width, op.rect.height);
  }

  Status operator()(const CenterCropOp& op) { return fixed_size(op.width, op.height); }

  Status operator()(const PadOp& op) {
    if (flow_.size_known && (op.width < flow_.spec.width || op.height < flow_.spec.height)) {
      return invalid(op_, "the picture is already larger than the padded size, " + std::to_string(flow_.spec.width) + "x" +
                              std::to_string(flow_.spec.height));
    }
    if (flow_.normalized || flow_.spec.dtype != DType::kU8)
      return invalid(op_, "pad must stand before convert and normalize");
    return fixed_size(op.width, op.height);
  }

  Status operator()(const ConvertOp& op) {
    if (op.dtype != DType::kU8 && op.dtype != DType::kF32) return invalid(op_, "convert makes u8 or f32");
    if (op.dtype == DType::kU8 && flow_.spec.dtype != DType::kU8) {
      return invalid(op_, "floats are not converted back to u8");
    }
    flow_.spec.dtype = op.dtype;
    return {};
  }

  Status operator()(const NormalizeOp& op) {
    if (flow_.spec.dtype != DType::kF32) return invalid(op_, "put convert(f32) before normalize");
    if (flow_.normalized) return invalid(op_, "normalize stands once; combine the constants of both");
    for (std::size_t c = 0; c < op.mean.size(); ++c) {
      if (!std::isfinite(op.mean[c]) || !std::isfinite(op.scale[c]) || !std::isfinite(1.0F / op.scale[c])) {
        return invalid(op_, "mean and scale must be finite, scale not zero");
      }
    }
    flow_.normalized = true;
    return {};
  }

  Status operator()(const ColorOp& op) {
    if (flow_.spec.color == ColorOrder::kGray && op.order != ColorOrder::kGray) {
      return invalid(op_, "gray has no colours to bring back");
    }
    if (op.order == ColorOrder::kGray && flow_.spec.color != ColorOrder::kGray && flow_.spec.dtype != DType::kU8) {
      return invalid(op_, "color(gray) is defined on u8: put it before convert and normalize");
    }
    flow_.spec.color = op.order;
    return {};
  }

  Status operator()(const LayoutOp& op) {
    flow_.spec.layout = op.layout;
    return {};
  }

  Status operator()(const UserOp& op) {
    if (!op.op) return invalid(op_, "the user operator is missing");
    if (flow_.spec.dtype != DType::kU8 || flow_.spec.layout != Layout::kNHWC || flow_.spec.color != ColorOrder::kRGB) {
      return invalid(op_, "user operators work on u8 NHWC RGB pictures: put them before convert, color and layout");
    }
    flow_.geometry_begun = true;
    if (!flow_.size_known) return {};
    SMOL_ASSIGN_OR_RETURN(const Size size, op.op->output_size({flow_.spec.width, flow_.spec.height}));
    return fixed_size(size.width, size.height);
  }

 private:
  void set_size(int width, int height) {
    flow_.spec.width = width;
    flow_.spec.height = height;
  }

  Status fixed_size(int width, int height) {
    if (!is_valid_side(width) || !is_valid_side(height)) {
      return invalid(op_, "sides must be in 1.." + std::to_string(kMaxSide));
    }
    flow_.geometry_begun = true;
    flow_.size_known = true;
    set_size(width, height);
    return {};
  }

  Flow& flow_;
  const Operator& op_;
};

Status follow(const Operator& op, Flow& flow) { return std::visit(FlowChecker(flow, op), op); }

/// One resize at most, only crops before it, no user operator.
Status check_fusable(const FusedStep& step, const Flow& before) {
  if (step.coefficient_bits != 22 && step.coefficient_bits != 14) {
    return Error{ErrorCode::kInvalidArgument,
                 "fused: coefficient bits must be 22 (exact) or 14 (within 1): " + std::to_string(step.coefficient_bits)};
  }
  if (before.spec.dtype != DType::kU8 || before.spec.layout != Layout::kNHWC || before.spec.color == ColorOrder::kBGR) {
    return Error{ErrorCode::kInvalidArgument, "a fused step reads u8 NHWC pictures in RGB order or gray"};
  }
  int resizes_to_come = 0;
  for (const Operator& op : step.operators) resizes_to_come += std::holds_alternative<ResizeOp>(op) ? 1 : 0;
  if (resizes_to_come > 1) return Error{ErrorCode::kInvalidArgument, "a fused step holds at most one resize"};
  for (const Operator& op : step.operators) {
    if (std::holds_alternative<ResizeOp>(op)) --resizes_to_come;
    if (std::holds_alternative<UserOp>(op)) return invalid(op, "user operators run as single steps");
    const bool may_pad = std::holds_alternative<PadOp>(op) || std::holds_alternative<CenterCropOp>(op);
    if (may_pad && resizes_to_come > 0) return invalid(op, "padding before a resize cannot be fused with it");
  }
  return {};
}

Status follow_step(const PhysicalStep& step, Flow& flow) {
  if (const auto* single = std::get_if<SingleStep>(&step)) return follow(single->op, flow);
  const auto& fused = std::get<FusedStep>(step);
  SMOL_RETURN_IF_ERROR(check_fusable(fused, flow));
  for (const Operator& op : fused.operators) SMOL_RETURN_IF_ERROR(follow(op, flow));
  return {};
}

Status check_decode(const PhysicalPipeline& pipeline) {
  const int denominator = pipeline.decode.scale_denominator;
  if (denominator < 1 || denominator > 64) {
    return Error{ErrorCode::kInvalidArgument, "decode: scale must be 1/1 to 1/64: 1/" + std::to_string(denominator)};
  }
  const bool fused_first = !pipeline.host_steps.empty() && std::holds_alternative<FusedStep>(pipeline.host_steps.front());
  if (pipeline.decode.format == PixelFormat::kYcc8Planar && !fused_first) {
    return Error{ErrorCode::kInvalidArgument, "decode: planes (ycc8_planar) need a fused step as the first"};
  }
  if (!pipeline.decode.thumbnail) return {};
  const bool resizes_whole =
      fused_first && resize_of_whole(std::get<FusedStep>(pipeline.host_steps.front()).operators) != nullptr;
  if (!resizes_whole || denominator != 1 || pipeline.decode.format == PixelFormat::kYcc8Planar) {
    return Error{ErrorCode::kInvalidArgument,
                 "decode: thumbnails need scale=1/1, no planes, and a fused step that resizes before it crops"};
  }
  return {};
}

/// A label may promise less than the form delivers, never more.
Status check_label(const PhysicalPipeline& pipeline) {
  FidelityLabel best = FidelityLabel::kExact;
  for (const PhysicalStep& step : pipeline.host_steps) {
    const auto* fused = std::get_if<FusedStep>(&step);
    if (fused != nullptr && fused->coefficient_bits != 22) best = FidelityLabel::kWithin1Lsb;
  }
  const DecodeStep& decode = pipeline.decode;
  if (decode.scale_denominator > 1 || decode.format == PixelFormat::kYcc8Planar || decode.thumbnail ||
      decode.deblocking != Deblocking::kAll)
    best = FidelityLabel::kLossy;
  if (pipeline.label >= best) return {};
  return Error{ErrorCode::kInvalidArgument, "the label promises too much, promised and possible: " +
                                                std::string(name_of(pipeline.label)) + ", " + std::string(name_of(best))};
}

Error size_unknown() {
  return Error{ErrorCode::kInvalidArgument,
               "the tensor's size depends on the picture: end with center_crop, crop, pad or resize(size=WIDTHxHEIGHT)"};
}

bool is_device_operator(const Operator& op) {
  return std::holds_alternative<ConvertOp>(op) || std::holds_alternative<NormalizeOp>(op) ||
         std::holds_alternative<ColorOp>(op) || std::holds_alternative<LayoutOp>(op) ||
         std::holds_alternative<ResizeOp>(op) || std::holds_alternative<CenterCropOp>(op) ||
         std::holds_alternative<CropOp>(op);
}

}  // namespace

Result<OutputSpec> verify(const LogicalPipeline& pipeline) {
  Flow flow;
  for (const Operator& op : pipeline.operators) SMOL_RETURN_IF_ERROR(follow(op, flow));
  if (!flow.size_known) return size_unknown();
  return flow.spec;
}

Result<OutputSpec> verify(const PhysicalPipeline& pipeline) {
  SMOL_RETURN_IF_ERROR(check_decode(pipeline));
  SMOL_RETURN_IF_ERROR(check_label(pipeline));
  Flow flow;
  for (const PhysicalStep& step : pipeline.host_steps) SMOL_RETURN_IF_ERROR(follow_step(step, flow));
  if (!flow.size_known) return size_unknown();
  const OutputSpec host_output = flow.spec;
  for (const Operator& op : pipeline.device_operators) {
    if (!is_device_operator(op)) return invalid(op, "this operator runs on the host only");
    SMOL_RETURN_IF_ERROR(follow(op, flow));
  }
  return host_output;
}

}  // namespace smol
