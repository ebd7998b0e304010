#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/unknown_word.h"
#include "base/yaml_fields.h"
#include "model/card_pipeline.h"
#include "model/yaml_file.h"

namespace smol {
namespace {

using UserOperators = std::vector<std::shared_ptr<const UserOperator>>;

constexpr int kFormat = 1;
constexpr const char* kPicture = "picture";

/// One entry of `nodes`: operators after another node, or the whole preprocessing of a model.
struct Node {
  std::string from = kPicture;
  std::vector<Operator> operators;
  bool is_complete = false;  ///< a model's: it says all of its tensor
};
using Nodes = std::map<std::string, Node>;

std::vector<std::string> names_of(const Nodes& nodes) {
  std::vector<std::string> names;
  for (const auto& [name, node] : nodes) names.push_back(name);
  return names;
}

/// The preprocessing of a model, whose card lies in or below `folder`.
Result<Node> read_model_node(const YAML::Node& model, const std::string& folder, const UserOperators& user_operators,
                             const std::string& where) {
  const std::filesystem::path path(model.Scalar());
  Result<ModelCard> card =
      load_model_card(path.is_absolute() ? path.string() : (std::filesystem::path(folder) / path).string(), user_operators);
  if (!card.ok()) {
    Error error = yaml_error(model, where, "'model': " + card.error().message);
    error.code = card.error().code;
    return error;
  }
  return Node{kPicture, card->pipeline.operators, true};
}

Result<Node> read_node(const YAML::Node& source, const std::string& folder, const UserOperators& user_operators,
                       const std::string& where) {
  YamlFields fields(source, where);
  Node node;
  std::string model;
  fields.read("from", node.from);
  fields.read("model", model);
  const YAML::Node list = fields.child("operators");
  if (fields.has("model") && list.IsDefined())
    fields.fail(source, "has both 'operators' and 'model'; leave one of them out");
  if (model.empty() && !list.IsDefined()) fields.fail(source, "needs either 'operators' or 'model'");
  if (!model.empty() && fields.has("from")) fields.fail(source, "'model' begins at the picture: leave 'from' out");
  if (list.IsDefined() && !list.IsSequence()) fields.fail(list, "'operators' must be a list");
  SMOL_RETURN_IF_ERROR(fields.finish());
  if (model.empty()) {
    SMOL_ASSIGN_OR_RETURN(node.operators, read_operator_list(list, user_operators, where));
    return node;
  }
  return read_model_node(fields.child("model"), folder, user_operators, where);
}

Result<Nodes> read_nodes(const YAML::Node& section, const std::string& folder, const UserOperators& user_operators,
                         const std::string& where) {
  Nodes nodes;
  YamlFields problems(YAML::Node(YAML::NodeType::Undefined), where + ": nodes");
  if (!section.IsMap()) problems.fail(section, "expected a mapping of names to nodes");
  SMOL_RETURN_IF_ERROR(problems.finish());
  for (const auto& entry : section) {
    const std::string name = entry.first.Scalar();
    if (name == kPicture) problems.fail(entry.first, "'picture' is the decoded picture; choose another name");
    // They become names of files.
    if (name.empty() || name.front() == '.' || name.find_first_of("/\\") != std::string::npos) {
      problems.fail(entry.first, "a node's name must not be empty, begin with a dot or hold a slash: " + name);
    }
    if (nodes.contains(name)) problems.fail(entry.first, "there are two nodes of this name: " + name);
    SMOL_RETURN_IF_ERROR(problems.finish());
    SMOL_ASSIGN_OR_RETURN(nodes[name],
                          read_node(entry.second, folder, user_operators, fmt::format("{}: node {}", where, name)));
  }
  for (const auto& [name, node] : nodes) {
    const auto from = nodes.find(node.from);
    if (node.from != kPicture && from == nodes.end()) {
      std::vector<std::string> allowed = names_of(nodes);
      allowed.insert(allowed.begin(), kPicture);
      problems.fail(section[name], fmt::format("'from' of node {}: {}", name, unknown_word("node", node.from, allowed)));
    } else if (node.from != kPicture && from->second.is_complete) {
      problems.fail(section[name], fmt::format("node {} comes from a model, which ends its branch: {}", name, node.from));
    }
  }
  SMOL_RETURN_IF_ERROR(problems.finish());
  return nodes;
}

/// The names from the picture to `output`. kInvalidArgument when they go in a circle.
Result<std::vector<std::string>> path_to(const std::string& output, const Nodes& nodes, const std::string& where) {
  std::vector<std::string> path;
  for (std::string name = output; name != kPicture; name = nodes.at(name).from) {
    const bool again = std::find(path.begin(), path.end(), name) != path.end();
    path.insert(path.begin(), name);
    if (!again) continue;
    std::string circle;
    for (const std::string& step : path) circle += (circle.empty() ? "" : " -> ") + step;
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: nodes come from one another in a circle: {}", where, circle),
                 Stage::kParse};
  }
  return path;
}

Result<LogicalPipeline> join(const std::vector<std::string>& path, const Nodes& nodes, const std::string& where) {
  LogicalPipeline pipeline;
  for (const std::string& name : path) {
    const std::vector<Operator>& operators = nodes.at(name).operators;
    pipeline.operators.insert(pipeline.operators.end(), operators.begin(), operators.end());
  }
  if (!nodes.at(path.back()).is_complete) complete_operators(pipeline.operators, ModelCard{});
  if (const Result<OutputSpec> output = verify(pipeline); !output.ok()) {
    return Error{ErrorCode::kInvalidArgument, fmt::format("{}: output {}: {}", where, path.back(), output.error().message),
                 Stage::kParse};
  }
  return pipeline;
}

Result<PreprocessGraph> parse_graph(std::string_view yaml, const std::string& folder, const UserOperators& user_operators,
                                    const std::string& where) {
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(yaml, where));
  if (root["file"] && !root["nodes"]) {
    return Error{ErrorCode::kInvalidArgument, where + ": this is a model card where a preprocessing graph is expected",
                 Stage::kParse};
  }
  YamlFields fields(root, where);
  int format = 0;
  std::vector<std::string> outputs;
  fields.require("format", format);
  if (fields.ok() && format != kFormat) {
    fields.fail(root, fmt::format("this smol reads graphs of format {}: {}", kFormat, format));
  }
  if (!fields.has("nodes")) fields.fail(root, "missing key 'nodes'");
  const YAML::Node section = fields.child("nodes");
  fields.require("outputs", outputs);
  if (outputs.empty()) fields.fail(root, "'outputs' must name at least one node");
  SMOL_RETURN_IF_ERROR(fields.finish());
  SMOL_ASSIGN_OR_RETURN(const Nodes nodes, read_nodes(section, folder, user_operators, where));

  PreprocessGraph graph;
  std::set<std::string> used;
  for (const auto& [name, node] : nodes) SMOL_RETURN_IF_ERROR(path_to(name, nodes, where));
  for (const std::string& output : outputs) {
    const YAML::Node list = fields.child("outputs");
    if (!nodes.contains(output)) return yaml_error(list, where + ": outputs", unknown_word("node", output, names_of(nodes)));
    if (std::count(outputs.begin(), outputs.end(), output) > 1)
      return yaml_error(list, where + ": outputs", "a node is named twice: " + output);
    SMOL_ASSIGN_OR_RETURN(const std::vector<std::string> path, path_to(output, nodes, where));
    used.insert(path.begin(), path.end());
    SMOL_ASSIGN_OR_RETURN(LogicalPipeline pipeline, join(path, nodes, where));
    graph.outputs.push_back({output, std::move(pipeline)});
  }
  for (const auto& [name, node] : nodes) {
    if (used.contains(name)) continue;
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("{}: this node leads to no output; name it in 'outputs' or remove it: {}", where, name),
                 Stage::kParse};
  }
  return graph;
}

}  // namespace

Result<PreprocessGraph> parse_preprocess_graph(std::string_view yaml, const std::string& folder,
                                               const UserOperators& user_operators) {
  return parse_graph(yaml, folder, user_operators, "graph");
}

Result<PreprocessGraph> load_preprocess_graph(const std::string& path, const UserOperators& user_operators) {
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_graph_file(path));
  return parse_graph(text, std::filesystem::path(path).parent_path().string(), user_operators, "graph " + path);
}

}  // namespace smol
