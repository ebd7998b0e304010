#include "smol/model.h"

#include <fmt/format.h>

#include <filesystem>
#include <sstream>

#include "backend/model_file.h"
#include "backend/simulated/device_names.h"
#include "base/digest.h"
#include "base/text_file.h"
#include "base/yaml_fields.h"
#include "model/card_pipeline.h"
#include "model/card_words.h"
#include "model/yaml_file.h"

namespace smol {
namespace {

using UserOperators = std::vector<std::shared_ptr<const UserOperator>>;

std::string resolve(const std::string& folder, const std::string& path) {
  if (path.empty() || folder.empty() || std::filesystem::path(path).is_absolute()) return path;
  return (std::filesystem::path(folder) / path).lexically_normal().string();
}

/// A path, or the name of a device that comes with smol where no such file lies beside the card.
std::string resolve_backend_config(const std::string& folder, const std::string& config) {
  const std::string path = resolve(folder, config);
  std::error_code error;
  if (config.empty() || std::filesystem::exists(path, error)) return path;
  const std::string device = path_of_device(config);
  return device.empty() ? path : device;
}

Status read_input(const YAML::Node& section, ModelCard& card, const std::string& where) {
  YamlFields fields(section, where);
  constexpr int kMaxSide = 1 << 16;
  fields.read("name", card.input_name);
  fields.read_word("layout", card.layout, parse_layout);
  fields.read_word("dtype", card.dtype, parse_dtype);
  fields.require("width", card.width);
  fields.require("height", card.height);
  fields.read_word("color", card.color, parse_color_order);
  for (int side : {card.width, card.height}) {
    if (side <= 0 || side > kMaxSide)
      fields.fail(section, fmt::format("width and height must be 1..{}: {}", kMaxSide, side));
  }
  if (card.dtype != DType::kU8 && card.dtype != DType::kF32) {
    fields.fail(section, fmt::format("'dtype' must be u8 or f32, which preprocessing writes: {}", name_of(card.dtype)));
  }
  return fields.finish();
}

Status read_output(const YAML::Node& section, ModelCard& card, const std::string& where) {
  YamlFields fields(section, where);
  fields.read("name", card.output_name);
  fields.read_word("activation", card.activation, parse_activation);
  fields.read("classes", card.num_classes);
  fields.read("label_offset", card.label_offset);
  fields.read("top_k", card.top_k);
  fields.read("scale", card.output_scale);
  fields.read("zero_point", card.output_zero_point);
  if (card.num_classes < 0 || card.label_offset < 0 || card.top_k < 1) {
    fields.fail(section, "classes and label_offset must not be negative, top_k must be at least 1");
  }
  return fields.finish();
}

/// Lines of a text file, without the blank ones at its end.
Result<std::vector<std::string>> read_labels(const std::string& path) {
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  std::vector<std::string> labels;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    labels.push_back(std::move(line));
  }
  while (!labels.empty() && labels.back().empty()) labels.pop_back();
  return labels;
}

/// `labels`: a file of one label a line, or the list itself.
Status read_label_names(YamlFields& fields, ModelCard& card, const std::string& folder, const std::string& where) {
  const YAML::Node node = fields.child("labels");
  if (!node.IsDefined()) return {};
  if (node.IsSequence()) {
    fields.read("labels", card.labels);
  } else {
    fields.read("labels", card.labels_path);
    card.labels_path = resolve(folder, card.labels_path);
    SMOL_ASSIGN_OR_RETURN(card.labels, read_labels(card.labels_path));
  }
  const auto expected = static_cast<std::size_t>(std::max(card.num_classes - card.label_offset, 0));
  if (card.num_classes > 0 && !card.labels.empty() && card.labels.size() != expected) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("{}: {} labels needed (classes minus label_offset), there are {}", where, expected, card.labels.size()),
        Stage::kParse};
  }
  return {};
}

/// The pipeline must make exactly what the input section says.
Status check_pipeline(const ModelCard& card, const std::string& where) {
  auto output = verify(card.pipeline);
  if (!output.ok()) {
    return Error{ErrorCode::kInvalidArgument, where + ": preprocess: " + output.error().message, Stage::kParse};
  }
  const auto text = [](int width, int height, DType dtype, Layout layout, ColorOrder color) {
    return fmt::format("{}x{} {} {} {}", width, height, name_of(dtype), name_of(layout), name_of(color));
  };
  const std::string made = text(output->width, output->height, output->dtype, output->layout, output->color);
  const std::string wanted = text(card.width, card.height, card.dtype, card.layout, card.color);
  if (made == wanted) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("{}: preprocess makes another tensor than the input takes; change resize, crop or pad: makes {}, "
                           "input is {}",
                           where, made, wanted),
               Stage::kParse};
}

Status check_model_file(ModelCard& card, const std::string& stated_digest, const std::string& where) {
  auto digest = digest_of_model(card.path);
  if (!digest.ok()) {
    return Error{digest.error().code, fmt::format("{}: model file: {}", where, digest.error().message), Stage::kParse};
  }
  card.digest = *std::move(digest);
  if (stated_digest.empty() || stated_digest == card.digest) return {};
  return Error{
      ErrorCode::kInvalidArgument,
      fmt::format("{}: the model file is not the one this card was written for; update 'digest' if that is meant: card "
                  "says {}, file has {}",
                  where, stated_digest, card.digest),
      Stage::kParse};
}

Result<ModelCard> parse_card(std::string_view yaml, const std::string& folder, const UserOperators& user_operators,
                             const std::string& where) {
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(yaml, where));
  if (root["nodes"] && !root["file"]) {
    return Error{ErrorCode::kInvalidArgument, where + ": this is a preprocessing graph where a model card is expected",
                 Stage::kParse};
  }
  YamlFields fields(root, where);
  ModelCard card;
  int format = 0;
  std::string file, stated_digest;
  fields.require("format", format);
  if (fields.ok() && format != ModelCard::kFormat) {
    fields.fail(root, fmt::format("this smol reads cards of format {}: {}", ModelCard::kFormat, format));
  }
  fields.require("file", file);
  card.name = std::filesystem::path(file).stem().string();
  fields.read("name", card.name);
  if (!fields.has("task")) fields.fail(root, "missing key 'task'");
  fields.read_word("task", card.task, parse_task);
  fields.read("backend", card.backend);
  fields.read("backend_config", card.backend_config);
  fields.read("max_batch", card.max_batch);
  fields.read("licence", card.licence);
  fields.read("digest", stated_digest);
  if (card.max_batch < 0) fields.fail(root, "'max_batch' must be 0 (as far as verified) or more");
  const YAML::Node input = fields.child("input"), preprocess = fields.child("preprocess"), output = fields.child("output");
  if (!input.IsDefined()) fields.fail(root, "missing key 'input'");
  (void)fields.has("labels");
  SMOL_RETURN_IF_ERROR(fields.finish());

  SMOL_RETURN_IF_ERROR(read_input(input, card, where + ": input"));
  SMOL_RETURN_IF_ERROR(read_output(output, card, where + ": output"));
  SMOL_RETURN_IF_ERROR(read_label_names(fields, card, folder, where));
  SMOL_RETURN_IF_ERROR(fields.finish());
  SMOL_ASSIGN_OR_RETURN(card.pipeline, read_card_pipeline(preprocess, card, user_operators, where + ": preprocess"));
  SMOL_RETURN_IF_ERROR(check_pipeline(card, where));
  card.path = resolve(folder, file);
  card.backend_config = resolve_backend_config(folder, card.backend_config);
  if (!card.backend_config.empty()) card.backend_config_digest = digest_of_file(card.backend_config).value_or("");
  SMOL_RETURN_IF_ERROR(check_model_file(card, stated_digest, where));
  return card;
}

}  // namespace

Result<ModelCard> load_model_card(const std::string& path, const UserOperators& user_operators) {
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_card_file(path));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  SMOL_ASSIGN_OR_RETURN(ModelCard card, parse_card(text, folder, user_operators, "model card " + path));
  card.card_path = path;
  return card;
}

Result<ModelCard> parse_model_card(std::string_view yaml, const std::string& folder, const UserOperators& user_operators) {
  return parse_card(yaml, folder, user_operators, "model card");
}

}  // namespace smol
