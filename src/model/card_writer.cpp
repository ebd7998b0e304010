#include <filesystem>

#include "backend/simulated/device_names.h"
#include "base/yaml_fields.h"
#include "model/card_pipeline.h"
#include "model/card_words.h"
#include "smol/model.h"

namespace smol {
namespace {

/// Relative to the card where there is one, so that the folder can be moved.
std::string beside_card(const ModelCard& card, const std::string& path) {
  if (card.card_path.empty() || path.empty()) return path;
  const std::filesystem::path folder = std::filesystem::path(card.card_path).parent_path();
  const std::filesystem::path relative = std::filesystem::path(path).lexically_relative(folder.empty() ? "." : folder);
  return relative.empty() ? path : relative.string();
}

template <typename T>
void write(YAML::Emitter& out, const char* key, const T& value) {
  out << YAML::Key << key << YAML::Value << value;
}
void write(YAML::Emitter& out, const char* key, const std::string& value) {
  out << YAML::Key << key << YAML::Value << YamlText{value};
}
void write(YAML::Emitter& out, const char* key, std::string_view value) { write(out, key, std::string(value)); }
/// Leaves out what says nothing.
void write_if_set(YAML::Emitter& out, const char* key, const std::string& value) {
  if (!value.empty()) write(out, key, value);
}

void write_input(YAML::Emitter& out, const ModelCard& card) {
  out << YAML::Key << "input" << YAML::Value << YAML::Flow << YAML::BeginMap;
  write_if_set(out, "name", card.input_name);
  write(out, "layout", name_of(card.layout));
  write(out, "dtype", name_of(card.dtype));
  write(out, "width", card.width);
  write(out, "height", card.height);
  write(out, "color", name_of(card.color));
  out << YAML::EndMap;
}

void write_output(YAML::Emitter& out, const ModelCard& card) {
  out << YAML::Key << "output" << YAML::Value << YAML::Flow << YAML::BeginMap;
  write_if_set(out, "name", card.output_name);
  write(out, "activation", name_of(card.activation));
  write(out, "classes", card.num_classes);
  write(out, "label_offset", card.label_offset);
  write(out, "top_k", card.top_k);
  if (card.output_scale != 1.0F || card.output_zero_point != 0) {
    write(out, "scale", text_of(card.output_scale));
    write(out, "zero_point", card.output_zero_point);
  }
  out << YAML::EndMap;
}

}  // namespace

std::string to_yaml(const ModelCard& card) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  write(out, "format", ModelCard::kFormat);
  write(out, "name", card.name);
  write(out, "file", beside_card(card, card.path));
  write(out, "task", name_of(card.task));
  write(out, "backend", card.backend);
  const std::string device = device_at(card.backend_config);
  write_if_set(out, "backend_config", device.empty() ? beside_card(card, card.backend_config) : device);
  write_input(out, card);
  out << YAML::Key << "preprocess" << YAML::Value;
  write_card_pipeline(out, card.pipeline);
  write_output(out, card);
  if (!card.labels_path.empty()) {
    write(out, "labels", beside_card(card, card.labels_path));
  } else if (!card.labels.empty()) {
    write(out, "labels", card.labels);
  }
  write(out, "max_batch", card.max_batch);
  write_if_set(out, "licence", card.licence);
  write_if_set(out, "digest", card.digest);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace smol
