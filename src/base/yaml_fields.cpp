#include "base/yaml_fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/unknown_word.h"

namespace smol {
namespace {

Error error_at(const YAML::Mark& mark, const std::string& where, const std::string& message) {
  const std::string line = mark.is_null() ? "" : fmt::format(", line {}", mark.line + 1);
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}{}: {}", where, line, message), Stage::kParse};
}

}  // namespace

Error yaml_error(const YAML::Node& node, const std::string& where, const std::string& message) {
  return error_at(node.IsDefined() ? node.Mark() : YAML::Mark::null_mark(), where, message);
}

Result<YAML::Node> parse_yaml_mapping(std::string_view text, const std::string& where) {
  try {
    YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) return error_at(root.Mark(), where, "expected a mapping of keys to values");
    return root;
  } catch (const YAML::Exception& exception) {
    return error_at(exception.mark, where, "not valid YAML: " + exception.msg);
  }
}

YamlFields::YamlFields(const YAML::Node& mapping, std::string where) : mapping_(mapping), where_(std::move(where)) {
  if (mapping_.IsDefined() && !mapping_.IsMap()) fail(mapping_, "expected a mapping of keys to values");
}

bool YamlFields::has(const std::string& key) { return child(key).IsDefined(); }

YAML::Node YamlFields::child(const std::string& key) {
  if (std::find(allowed_.begin(), allowed_.end(), key) == allowed_.end()) allowed_.push_back(key);
  if (!mapping_.IsDefined() || !mapping_.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
  // The const operator[] does not insert the key.
  return static_cast<const YAML::Node&>(mapping_)[key];
}

void YamlFields::fail(const YAML::Node& node, const std::string& message) {
  if (!status_.ok()) return;
  status_ = yaml_error(node, where_, message);
}

Status YamlFields::finish() {
  if (!mapping_.IsDefined() || !mapping_.IsMap()) return status_;
  for (const auto& entry : mapping_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "(not a word)";
    if (std::find(allowed_.begin(), allowed_.end(), key) != allowed_.end()) continue;
    // A misspelt key is also a missing one: that it is misspelt says more.
    if (!status_.ok() && !is_misspelt(key)) continue;
    status_ = error_at(entry.first.Mark(), where_, unknown_word("key", key, allowed_));
    break;
  }
  return status_;
}

bool YamlFields::is_misspelt(const std::string& key) {
  const std::string meant(nearest_word(key, allowed_));
  return !meant.empty() && !has(meant);
}

YAML::Emitter& operator<<(YAML::Emitter& out, YamlText value) {
  const bool has_control =
      std::any_of(value.text.begin(), value.text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  if (has_control) out << YAML::DoubleQuoted;
  return out << value.text;
}

}  // namespace smol
