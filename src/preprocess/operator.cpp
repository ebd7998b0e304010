#include <array>
#include <type_traits>

#include "preprocess/operator_text.h"
#include "smol/preprocess.h"

namespace smol {
namespace {

constexpr std::array<std::string_view, 6> kFilterNames{"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"};
constexpr std::array<std::string_view, 3> kLabelNames{"exact", "within_1_lsb", "lossy"};

using UserOperators = std::vector<std::shared_ptr<const UserOperator>>;

std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }
std::string_view bool_text(bool value) { return value ? "true" : "false"; }

template <typename Numbers>
std::string triple_text(const Numbers& numbers) {
  std::string text = "[";
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text += ",";
    if constexpr (std::is_same_v<Numbers, std::array<float, 3>>) {
      text += shortest_text(numbers[i]);
    } else {
      text += std::to_string(numbers[i]);
    }
  }
  return text + "]";
}

std::string resize_text(const ResizeOp& op) {
  std::string text = "resize(";
  switch (op.mode) {
    case ResizeOp::Mode::kShortSide:
      text += "short_side=" + std::to_string(op.width);
      break;
    case ResizeOp::Mode::kLongSide:
      text += "long_side=" + std::to_string(op.width);
      break;
    case ResizeOp::Mode::kExact:
      text += "size=" + size_text(op.width, op.height);
      break;
    case ResizeOp::Mode::kFit:
      text += "fit=" + size_text(op.width, op.height);
      break;
  }
  text += ", filter=" + std::string(name_of(op.filter));
  return text + (op.antialias ? ")" : ", antialias=false)");
}

struct OperatorPrinter {
  std::string operator()(const OrientOp&) const { return "orient()"; }
  std::string operator()(const ResizeOp& op) const { return resize_text(op); }
  std::string operator()(const CropOp& op) const {
    return "crop(x=" + std::to_string(op.rect.x) + ", y=" + std::to_string(op.rect.y) +
           ", size=" + size_text(op.rect.width, op.rect.height) + ")";
  }
  std::string operator()(const CenterCropOp& op) const { return "center_crop(" + size_text(op.width, op.height) + ")"; }
  std::string operator()(const PadOp& op) const {
    return "pad(" + size_text(op.width, op.height) + ", value=" + triple_text(op.value) +
           ", centered=" + std::string(bool_text(op.centered)) + ")";
  }
  std::string operator()(const ConvertOp& op) const { return "convert(" + std::string(name_of(op.dtype)) + ")"; }
  std::string operator()(const NormalizeOp& op) const {
    return "normalize(mean=" + triple_text(op.mean) + ", scale=" + triple_text(op.scale) + ")";
  }
  std::string operator()(const ColorOp& op) const { return "color(" + std::string(name_of(op.order)) + ")"; }
  std::string operator()(const LayoutOp& op) const { return "layout(" + std::string(name_of(op.layout)) + ")"; }
  std::string operator()(const UserOp& op) const {
    return "user(" + std::string(op.op ? op.op->name() : std::string_view("missing")) + ")";
  }
};

Result<Operator> read_resize(ArgumentReader& reader) {
  ResizeOp op;
  constexpr std::array<std::string_view, 4> kModes{"short_side", "long_side", "size", "fit"};
  int modes_given = 0;
  for (std::size_t mode = 0; mode < kModes.size(); ++mode) {
    if (!reader.has(kModes[mode])) continue;
    ++modes_given;
    op.mode = static_cast<ResizeOp::Mode>(mode);
    const Size size = mode < 2 ? Size{reader.integer(kModes[mode], 0), 0} : reader.size(kModes[mode]);
    op.width = size.width;
    op.height = size.height;
  }
  if (modes_given != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "resize: give exactly one of short_side, long_side, size, fit; given: " + std::to_string(modes_given)};
  }
  SMOL_ASSIGN_OR_RETURN(op.filter, parse_filter(reader.text("filter", "bilinear")));
  op.antialias = reader.boolean("antialias", true);
  return Operator{op};
}

Result<Operator> read_pad(ArgumentReader& reader) {
  const Size size = reader.size("");
  PadOp op{size.width, size.height, {}, true};
  const std::array<float, 3> value = reader.triple("value", 0.0F);
  for (std::size_t c = 0; c < value.size(); ++c) {
    if (!(value[c] >= 0.0F && value[c] <= 255.0F) || value[c] != static_cast<float>(static_cast<int>(value[c]))) {
      return Error{ErrorCode::kInvalidArgument, "pad: value must be whole numbers in 0..255: " + triple_text(value)};
    }
    op.value[c] = static_cast<std::uint8_t>(value[c]);
  }
  op.centered = reader.boolean("centered", true);
  return Operator{op};
}

Result<Operator> read_color(ArgumentReader& reader) {
  const std::string_view name = reader.text("");
  for (const ColorOrder order : {ColorOrder::kRGB, ColorOrder::kBGR, ColorOrder::kGray}) {
    if (name_of(order) == name) return Operator{ColorOp{order}};
  }
  return Error{ErrorCode::kInvalidArgument, "color must be one of RGB, BGR, gray: " + std::string(name)};
}

Result<Operator> read_layout(ArgumentReader& reader) {
  const std::string_view name = reader.text("");
  for (const Layout layout : {Layout::kNHWC, Layout::kNCHW}) {
    if (name_of(layout) == name) return Operator{LayoutOp{layout}};
  }
  return Error{ErrorCode::kInvalidArgument, "layout must be NHWC or NCHW: " + std::string(name)};
}

Result<Operator> read_user(ArgumentReader& reader, const UserOperators& user_operators) {
  const std::string_view name = reader.text("");
  std::string known;
  for (const auto& op : user_operators) {
    if (op->name() == name) return Operator{UserOp{op}};
    known += (known.empty() ? "" : ", ") + std::string(op->name());
  }
  return Error{ErrorCode::kNotFound, "no user operator of this name is loaded (loaded: " + (known.empty() ? "none" : known) +
                                         "): " + std::string(name)};
}

Result<Operator> read_operator(const CallText& call, ArgumentReader& reader, const UserOperators& user_operators) {
  if (call.name == "orient") return Operator{OrientOp{}};
  if (call.name == "resize") return read_resize(reader);
  if (call.name == "crop") {
    const Size size = reader.size("size");
    return Operator{CropOp{Rect{reader.integer("x", 0), reader.integer("y", 0), size.width, size.height}}};
  }
  if (call.name == "center_crop") {
    const Size size = reader.size("");
    return Operator{CenterCropOp{size.width, size.height}};
  }
  if (call.name == "pad") return read_pad(reader);
  if (call.name == "convert") {
    SMOL_ASSIGN_OR_RETURN(const DType dtype, parse_dtype(reader.text("")));
    return Operator{ConvertOp{dtype}};
  }
  if (call.name == "normalize") return Operator{NormalizeOp{reader.triple("mean", 0.0F), reader.triple("scale", 1.0F)}};
  if (call.name == "color") return read_color(reader);
  if (call.name == "layout") return read_layout(reader);
  if (call.name == "user") return read_user(reader, user_operators);
  return Error{ErrorCode::kInvalidArgument,
               "operator must be one of orient, resize, crop, center_crop, pad, convert, normalize, color, layout, user: " +
                   std::string(call.name)};
}

}  // namespace

std::string_view name_of(Filter filter) { return kFilterNames.at(static_cast<std::size_t>(filter)); }

Result<Filter> parse_filter(std::string_view name) {
  for (std::size_t i = 0; i < kFilterNames.size(); ++i) {
    if (kFilterNames[i] == name) return static_cast<Filter>(i);
  }
  return Error{ErrorCode::kInvalidArgument,
               "filter must be one of nearest, box, bilinear, hamming, bicubic, lanczos: " + std::string(name)};
}

std::string_view name_of(FidelityLabel label) { return kLabelNames.at(static_cast<std::size_t>(label)); }

Result<FidelityLabel> parse_fidelity_label(std::string_view name) {
  for (std::size_t i = 0; i < kLabelNames.size(); ++i) {
    if (kLabelNames[i] == name) return static_cast<FidelityLabel>(i);
  }
  return Error{ErrorCode::kInvalidArgument, "label must be one of exact, within_1_lsb, lossy: " + std::string(name)};
}

std::string to_string(const Operator& op) { return std::visit(OperatorPrinter{}, op); }

Result<Operator> parse_operator(std::string_view text, const UserOperators& user_operators) {
  SMOL_ASSIGN_OR_RETURN(const CallText call, parse_call(text));
  ArgumentReader reader(call);
  Result<Operator> op = read_operator(call, reader, user_operators);
  SMOL_RETURN_IF_ERROR(op ? reader.finish() : Status(op.error()));
  return op;
}

}  // namespace smol
