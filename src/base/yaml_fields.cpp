#include "base/yaml_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace smol {
namespace {

Error error_at(const YAML::Mark& mark, const std::string& where, const std::string& message) {
  const std::string line = mark.is_null() ? "" : fmt::format(", line {}", mark.line + 1);
  return Error{ErrorCode::kInvalidArgument, fmt::format("{}{}: {}", where, line, message), Stage::kParse};
}

}  // namespace

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
  status_ = error_at(node.IsDefined() ? node.Mark() : YAML::Mark::null_mark(), where_, message);
}

Status YamlFields::finish() {
  if (!status_.ok() || !mapping_.IsDefined()) return status_;
  for (const auto& entry : mapping_) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "(not a word)";
    if (std::find(allowed_.begin(), allowed_.end(), key) != allowed_.end()) continue;
    fail(entry.first, fmt::format("unknown key '{}'; allowed: {}", key, fmt::join(allowed_, ", ")));
    break;
  }
  return status_;
}

}  // namespace smol
