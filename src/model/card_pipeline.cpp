#include "model/card_pipeline.h"

#include <algorithm>
#include <functional>
#include <map>

#include "base/unknown_word.h"
#include "base/yaml_fields.h"
#include "model/card_words.h"

namespace smol {
namespace {

template <typename Op>
bool contains(const std::vector<Operator>& operators) {
  return std::any_of(operators.begin(), operators.end(), [](const Operator& op) { return std::holds_alternative<Op>(op); });
}

Result<Operator> read_resize(const YAML::Node& node, const std::string& where) {
  YamlFields fields(node, where + ": resize");
  ResizeOp resize;
  resize.width = 0;
  int short_side = 0, long_side = 0;
  std::vector<int> fit;
  fields.read("short_side", short_side);
  fields.read("long_side", long_side);
  fields.read("fit", fit);
  fields.read("width", resize.width);
  fields.read("height", resize.height);
  fields.read_word("filter", resize.filter, parse_filter);
  fields.read("antialias", resize.antialias);
  const bool exact = resize.width > 0 && resize.height > 0;
  if (!fit.empty() && (fit.size() != 2 || fit[0] <= 0 || fit[1] <= 0)) fields.fail(node, "'fit' must be [width, height]");
  if ((short_side > 0) + (long_side > 0) + !fit.empty() + exact != 1 ||
      (!exact && (resize.width != 0 || resize.height != 0))) {
    fields.fail(node, "needs exactly one of short_side, long_side, fit: [width, height], or width and height; all positive");
  }
  SMOL_RETURN_IF_ERROR(fields.finish());
  if (exact) {
    resize.mode = ResizeOp::Mode::kExact;
  } else if (!fit.empty()) {
    resize.mode = ResizeOp::Mode::kFit;
    resize.width = fit[0];
    resize.height = fit[1];
  } else {
    resize.mode = short_side > 0 ? ResizeOp::Mode::kShortSide : ResizeOp::Mode::kLongSide;
    resize.width = std::max(short_side, long_side);
  }
  return Operator{resize};
}

Result<Operator> read_center_crop(const YAML::Node& node, const std::string& where) {
  YamlFields fields(node, where + ": crop");
  CenterCropOp crop;
  fields.require("width", crop.width);
  fields.require("height", crop.height);
  if (crop.width <= 0 || crop.height <= 0) fields.fail(node, "width and height must be positive");
  SMOL_RETURN_IF_ERROR(fields.finish());
  return Operator{crop};
}

Result<Operator> read_crop(const YAML::Node& node, const std::string& where) {
  YamlFields fields(node, where + ": crop");
  CropOp crop;
  fields.require("x", crop.rect.x);
  fields.require("y", crop.rect.y);
  fields.require("width", crop.rect.width);
  fields.require("height", crop.rect.height);
  SMOL_RETURN_IF_ERROR(fields.finish());
  return Operator{crop};
}

Result<Operator> read_pad(const YAML::Node& node, const std::string& where) {
  YamlFields fields(node, where + ": pad");
  PadOp pad;
  std::vector<int> value{0, 0, 0};
  fields.require("width", pad.width);
  fields.require("height", pad.height);
  fields.read("value", value);
  fields.read("centered", pad.centered);
  if (value.size() != 3 || std::any_of(value.begin(), value.end(), [](int v) { return v < 0 || v > 255; })) {
    fields.fail(node, "'value' must be three numbers 0..255 in RGB order");
  }
  if (pad.width <= 0 || pad.height <= 0) fields.fail(node, "width and height must be positive");
  SMOL_RETURN_IF_ERROR(fields.finish());
  std::copy(value.begin(), value.end(), pad.value.begin());
  return Operator{pad};
}

/// `mean` and `scale`: one number for all channels, or three in RGB order. Empty optional when neither is there.
std::optional<NormalizeOp> read_mean_and_scale(YamlFields& fields, const YAML::Node& node) {
  if (!fields.has("mean") & !fields.has("scale")) return std::nullopt;
  NormalizeOp normalize;
  for (auto [key, target] : {std::pair{"mean", &normalize.mean}, std::pair{"scale", &normalize.scale}}) {
    if (!fields.has(key)) continue;
    std::vector<float> values;
    if (fields.child(key).IsScalar()) {
      fields.read(key, values.emplace_back());
    } else {
      fields.read(key, values);
    }
    if (values.size() == 1) values.resize(3, values.front());
    if (values.size() != 3) fields.fail(node, std::string("'") + key + "' must be one number or three in RGB order");
    if (fields.ok()) std::copy(values.begin(), values.end(), target->begin());
  }
  if (std::count(normalize.scale.begin(), normalize.scale.end(), 0.0F) > 0) fields.fail(node, "'scale' must not be 0");
  return normalize;
}

Result<Operator> read_normalize(const YAML::Node& node, const std::string& where) {
  YamlFields fields(node, where + ": normalize");
  const std::optional<NormalizeOp> normalize = read_mean_and_scale(fields, node);
  SMOL_RETURN_IF_ERROR(fields.finish());
  return Operator{normalize.value_or(NormalizeOp{})};
}

/// An operator written as one word: {layout: NCHW}.
template <typename Op, typename Value, typename Parse>
Result<Operator> read_word_operator(const YAML::Node& node, const std::string& where, Value Op::*member, Parse parse) {
  if (!node.IsScalar()) return yaml_error(node, where, "expected one word");
  auto value = parse(node.Scalar());
  if (!value.ok()) return yaml_error(node, where, value.error().message);
  Op op;
  op.*member = *value;
  return Operator{op};
}

class OperatorListReader {
 public:
  OperatorListReader(const std::vector<std::shared_ptr<const UserOperator>>& user_operators, const std::string& where)
      : user_operators_(user_operators), where_(where) {}

  /// One list entry: {name: arguments}, or the bare word `orient`.
  Result<Operator> read(const YAML::Node& entry) const {
    if (entry.IsScalar() && entry.Scalar() == "orient") return Operator{OrientOp{}};
    const bool is_pair = entry.IsMap() && entry.size() == 1 && entry.begin()->first.IsScalar();
    if (!is_pair && !entry.IsScalar())
      return yaml_error(entry, where_ + ": operators", "each operator is one key with its arguments, or orient");
    const std::string name = is_pair ? entry.begin()->first.Scalar() : entry.Scalar();
    const std::map<std::string, Parser> known = parsers();
    if (const auto found = known.find(name); found != known.end()) {
      if (is_pair) return found->second(entry.begin()->second);
      return yaml_error(entry, where_ + ": operators", "this operator needs arguments, as {" + name + ": ...}");
    }
    std::vector<std::string> allowed{"orient"};
    for (const auto& [key, parse] : known) allowed.push_back(key);
    return yaml_error(entry, where_ + ": operators", unknown_word("operator", name, allowed));
  }

 private:
  using Parser = std::function<Result<Operator>(const YAML::Node&)>;

  [[nodiscard]] std::map<std::string, Parser> parsers() const {
    return {
        {"resize", [this](const YAML::Node& node) { return read_resize(node, where_); }},
        {"crop", [this](const YAML::Node& node) { return read_crop(node, where_); }},
        {"center_crop", [this](const YAML::Node& node) { return read_center_crop(node, where_); }},
        {"pad", [this](const YAML::Node& node) { return read_pad(node, where_); }},
        {"normalize", [this](const YAML::Node& node) { return read_normalize(node, where_); }},
        {"convert",
         [this](const YAML::Node& node) { return read_word_operator(node, where_, &ConvertOp::dtype, parse_dtype); }},
        {"color",
         [this](const YAML::Node& node) { return read_word_operator(node, where_, &ColorOp::order, parse_color_order); }},
        {"layout",
         [this](const YAML::Node& node) { return read_word_operator(node, where_, &LayoutOp::layout, parse_layout); }},
        {"user", [this](const YAML::Node& node) { return find_user_operator(node); }},
    };
  }

  [[nodiscard]] Result<Operator> find_user_operator(const YAML::Node& node) const {
    const std::string name = node.IsScalar() ? node.Scalar() : "";
    std::string known;
    for (const auto& op : user_operators_) {
      if (op->name() == name) return Operator{UserOp{op}};
      known += (known.empty() ? "" : ", ") + std::string(op->name());
    }
    Error error =
        yaml_error(node, where_, "no such user operator; loaded: " + (known.empty() ? "none" : known) + ": " + name);
    error.code = ErrorCode::kNotFound;
    return error;
  }

  const std::vector<std::shared_ptr<const UserOperator>>& user_operators_;
  const std::string& where_;
};

void write_resize(YAML::Emitter& out, const ResizeOp& op) {
  out << YAML::Key << "resize" << YAML::Value << YAML::Flow << YAML::BeginMap;
  switch (op.mode) {
    case ResizeOp::Mode::kShortSide:
      out << YAML::Key << "short_side" << YAML::Value << op.width;
      break;
    case ResizeOp::Mode::kLongSide:
      out << YAML::Key << "long_side" << YAML::Value << op.width;
      break;
    case ResizeOp::Mode::kExact:
      out << YAML::Key << "width" << YAML::Value << op.width << YAML::Key << "height" << YAML::Value << op.height;
      break;
    case ResizeOp::Mode::kFit:
      out << YAML::Key << "fit" << YAML::Value << std::vector{op.width, op.height};
      break;
  }
  out << YAML::Key << "filter" << YAML::Value << std::string(name_of(op.filter));
  if (!op.antialias) out << YAML::Key << "antialias" << YAML::Value << false;
  out << YAML::EndMap;
}

void write_size(YAML::Emitter& out, const char* key, int width, int height) {
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginMap << YAML::Key << "width" << YAML::Value << width
      << YAML::Key << "height" << YAML::Value << height << YAML::EndMap;
}

void write_pad(YAML::Emitter& out, const PadOp& op) {
  out << YAML::Key << "pad" << YAML::Value << YAML::Flow << YAML::BeginMap << YAML::Key << "width" << YAML::Value << op.width
      << YAML::Key << "height" << YAML::Value << op.height << YAML::Key << "value" << YAML::Value
      << std::vector<int>(op.value.begin(), op.value.end()) << YAML::Key << "centered" << YAML::Value << op.centered
      << YAML::EndMap;
}

void write_mean_and_scale(YAML::Emitter& out, const NormalizeOp& op) {
  for (const auto& [key, values] : {std::pair{"mean", &op.mean}, {"scale", &op.scale}}) {
    out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
    for (float value : *values) out << text_of(value);
    out << YAML::EndSeq;
  }
}

/// Writes one list entry; each is a mapping of one key.
struct ListEntryWriter {
  YAML::Emitter& out;

  void operator()(const OrientOp&) const { out << "orient"; }
  void operator()(const ResizeOp& op) const {
    in_map([&] { write_resize(out, op); });
  }
  void operator()(const CenterCropOp& op) const {
    in_map([&] { write_size(out, "center_crop", op.width, op.height); });
  }
  void operator()(const PadOp& op) const {
    in_map([&] { write_pad(out, op); });
  }
  void operator()(const ConvertOp& op) const { word("convert", name_of(op.dtype)); }
  void operator()(const ColorOp& op) const { word("color", name_of(op.order)); }
  void operator()(const LayoutOp& op) const { word("layout", name_of(op.layout)); }
  void operator()(const UserOp& op) const { word("user", op.op->name()); }
  void operator()(const NormalizeOp& op) const {
    in_map([&] {
      out << YAML::Key << "normalize" << YAML::Value << YAML::Flow << YAML::BeginMap;
      write_mean_and_scale(out, op);
      out << YAML::EndMap;
    });
  }
  void operator()(const CropOp& op) const {
    in_map([&] {
      out << YAML::Key << "crop" << YAML::Value << YAML::Flow << YAML::BeginMap << YAML::Key << "x" << YAML::Value
          << op.rect.x << YAML::Key << "y" << YAML::Value << op.rect.y << YAML::Key << "width" << YAML::Value
          << op.rect.width << YAML::Key << "height" << YAML::Value << op.rect.height << YAML::EndMap;
    });
  }

 private:
  template <typename Write>
  void in_map(Write write) const {
    out << YAML::BeginMap;
    write();
    out << YAML::EndMap;
  }
  void word(const char* key, std::string_view value) const {
    in_map([&] { out << YAML::Key << key << YAML::Value << std::string(value); });
  }
};

/// Whether the operators are orient, [resize], [centre crop], [pad], colour, [convert], [normalise], layout: the short form.
bool has_short_form(const std::vector<Operator>& operators) {
  const auto rank = [](const Operator& op) {
    // Position of each alternative of Operator in the short form; -1: not in it.
    constexpr std::array<int, 10> kRank{
        /*orient*/ 0,  /*resize*/ 1,    /*crop*/ -1, /*center_crop*/ 2, /*pad*/ 3,
        /*convert*/ 5, /*normalize*/ 6, /*color*/ 4, /*layout*/ 7,      /*user*/ -1};
    return kRank.at(op.index());
  };
  int previous = -1;
  for (const Operator& op : operators) {
    if (rank(op) <= previous) return false;
    previous = rank(op);
  }
  return contains<OrientOp>(operators) && contains<ColorOp>(operators) && contains<LayoutOp>(operators);
}

}  // namespace

void complete_operators(std::vector<Operator>& operators, const ModelCard& card) {
  if (!contains<OrientOp>(operators)) operators.insert(operators.begin(), OrientOp{});
  if (!contains<ColorOp>(operators)) operators.emplace_back(ColorOp{card.color});
  if (!contains<ConvertOp>(operators) && card.dtype != DType::kU8) {
    // Normalising needs floats: the conversion goes in front of it.
    const auto normalize = std::find_if(operators.begin(), operators.end(),
                                        [](const Operator& op) { return std::holds_alternative<NormalizeOp>(op); });
    operators.insert(normalize, ConvertOp{card.dtype});
  }
  if (!contains<LayoutOp>(operators)) operators.emplace_back(LayoutOp{card.layout});
}

Result<std::vector<Operator>> read_operator_list(const YAML::Node& list,
                                                 const std::vector<std::shared_ptr<const UserOperator>>& user_operators,
                                                 const std::string& where) {
  const OperatorListReader reader(user_operators, where);
  std::vector<Operator> operators;
  for (const YAML::Node& entry : list) {
    SMOL_ASSIGN_OR_RETURN(operators.emplace_back(), reader.read(entry));
  }
  return operators;
}

Result<LogicalPipeline> read_card_pipeline(const YAML::Node& section, const ModelCard& card,
                                           const std::vector<std::shared_ptr<const UserOperator>>& user_operators,
                                           const std::string& where) {
  LogicalPipeline pipeline;
  std::vector<Operator>& operators = pipeline.operators;
  YamlFields fields(section, where);
  if (const YAML::Node list = fields.child("operators"); list.IsDefined()) {
    if (!list.IsSequence()) fields.fail(list, "'operators' must be a list");
    SMOL_RETURN_IF_ERROR(fields.finish());
    SMOL_ASSIGN_OR_RETURN(operators, read_operator_list(list, user_operators, where));
    complete_operators(operators, card);
    return pipeline;
  }
  using Reader = Result<Operator> (*)(const YAML::Node&, const std::string&);
  operators.emplace_back(OrientOp{});
  for (const auto& [key, read] :
       {std::pair<const char*, Reader>{"resize", read_resize}, {"crop", read_center_crop}, {"pad", read_pad}}) {
    if (!fields.has(key)) continue;
    SMOL_ASSIGN_OR_RETURN(operators.emplace_back(), read(fields.child(key), where));
  }
  operators.emplace_back(ColorOp{card.color});
  const std::optional<NormalizeOp> normalize = read_mean_and_scale(fields, section);
  if (normalize) operators.emplace_back(*normalize);
  SMOL_RETURN_IF_ERROR(fields.finish());
  complete_operators(operators, card);
  return pipeline;
}

void write_card_pipeline(YAML::Emitter& out, const LogicalPipeline& pipeline) {
  out << YAML::BeginMap;
  if (has_short_form(pipeline.operators)) {
    for (const Operator& op : pipeline.operators) {
      if (const auto* resize = std::get_if<ResizeOp>(&op)) write_resize(out, *resize);
      if (const auto* crop = std::get_if<CenterCropOp>(&op)) write_size(out, "crop", crop->width, crop->height);
      if (const auto* pad = std::get_if<PadOp>(&op)) write_pad(out, *pad);
      if (const auto* normalize = std::get_if<NormalizeOp>(&op)) write_mean_and_scale(out, *normalize);
    }
  } else {
    out << YAML::Key << "operators" << YAML::Value << YAML::BeginSeq;
    for (const Operator& op : pipeline.operators) std::visit(ListEntryWriter{out}, op);
    out << YAML::EndSeq;
  }
  out << YAML::EndMap;
}

}  // namespace smol
