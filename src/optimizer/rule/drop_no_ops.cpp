#include "optimizer/rule.h"

namespace smol::rule {
namespace {

/// What is known of the picture before an operator, whichever picture it is.
struct Known {
  std::optional<Size> size;
  DType dtype = DType::kU8;
  Layout layout = Layout::kNHWC;
  ColorOrder color = ColorOrder::kRGB;
};

/// Whether an operator leaves everything as it is.
struct NoOpTest {
  const Known& known;
  const RuleContext& context;

  bool operator()(const OrientOp&) const { return context.all_upright; }
  bool operator()(const ResizeOp& op) const {
    return op.mode == ResizeOp::Mode::kExact && known.size == Size{op.width, op.height};
  }
  bool operator()(const CropOp& op) const {
    return known.size && op.rect == Rect{0, 0, known.size->width, known.size->height};
  }
  bool operator()(const CenterCropOp& op) const { return known.size == Size{op.width, op.height}; }
  bool operator()(const PadOp& op) const { return known.size == Size{op.width, op.height}; }
  bool operator()(const ConvertOp& op) const { return op.dtype == known.dtype; }
  bool operator()(const NormalizeOp& op) const { return op == NormalizeOp{}; }
  bool operator()(const ColorOp& op) const { return op.order == known.color; }
  bool operator()(const LayoutOp& op) const { return op.layout == known.layout; }
  bool operator()(const UserOp&) const { return false; }
};

void learn(const Operator& op, Known& known) {
  if (const auto* resize = std::get_if<ResizeOp>(&op)) {
    known.size.reset();
    if (resize->mode == ResizeOp::Mode::kExact) known.size = Size{resize->width, resize->height};
  }
  if (const auto* crop = std::get_if<CropOp>(&op)) known.size = Size{crop->rect.width, crop->rect.height};
  if (const auto* crop = std::get_if<CenterCropOp>(&op)) known.size = Size{crop->width, crop->height};
  if (const auto* pad = std::get_if<PadOp>(&op)) known.size = Size{pad->width, pad->height};
  if (const auto* convert = std::get_if<ConvertOp>(&op)) known.dtype = convert->dtype;
  if (const auto* color = std::get_if<ColorOp>(&op)) known.color = color->order;
  if (const auto* layout = std::get_if<LayoutOp>(&op)) known.layout = layout->layout;
  if (std::holds_alternative<UserOp>(op)) known.size.reset();
}

/// [crop(..224x224) | resize(size=224x224) | convert(f32) | normalize(mean=[0,0,0], scale=[1,1,1])] =>
/// [crop(..224x224) | convert(f32)]. A resize whose size only the picture decides stays.
std::optional<Simplification> simplify(const LogicalPipeline& pipeline, const RuleContext& context) {
  Known known;
  for (std::size_t i = 0; i < pipeline.operators.size(); ++i) {
    const Operator& op = pipeline.operators[i];
    if (std::visit(NoOpTest{known, context}, op)) {
      Simplification result{pipeline, to_string(op), "nothing"};
      result.pipeline.operators.erase(result.pipeline.operators.begin() + static_cast<std::ptrdiff_t>(i));
      return result;
    }
    learn(op, known);
  }
  return std::nullopt;
}

}  // namespace

ExactRule drop_no_ops() { return {"drop_no_ops", "operators that change nothing are dropped", simplify, nullptr}; }

}  // namespace smol::rule
