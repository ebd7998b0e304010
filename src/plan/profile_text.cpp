#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>

#include "base/text_file.h"
#include "base/yaml_fields.h"
#include "smol/profile.h"

namespace smol {
namespace {

// Enough digits to read back the same double.
std::string number(double value) { return fmt::format("{}", value); }

void emit_text(YAML::Emitter& out, const char* key, const std::string& value) {
  if (!value.empty()) out << YAML::Key << key << YAML::Value << YamlText{value};
}
// A block of lines reads back to the same only if it is what pipelines print: visible characters, one line end at the end.
void emit_lines(YAML::Emitter& out, const char* key, const std::string& value) {
  const auto plain = [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; };
  const bool block = value.size() > 2 && value.front() > ' ' && value.back() == '\n' && value[value.size() - 2] > ' ' &&
                     std::all_of(value.begin(), value.end(), plain);
  if (!block) return emit_text(out, key, value);
  out << YAML::Key << key << YAML::Value << YAML::Literal << value;
}
void emit_number(YAML::Emitter& out, const char* key, double value) {
  if (value != 0) out << YAML::Key << key << YAML::Value << number(value);
}
void emit_samples(YAML::Emitter& out, const char* key, const std::vector<double>& samples) {
  out << YAML::Key << key << YAML::Value << YAML::Flow << YAML::BeginSeq;
  for (const double sample : samples) out << number(sample);
  out << YAML::EndSeq;
}

void emit(YAML::Emitter& out, const Profile::Preprocess& entry) {
  out << YAML::BeginMap;
  emit_text(out, "rendition", entry.rendition);
  emit_text(out, "fidelity", entry.fidelity);
  emit_text(out, "model", entry.model);
  emit_samples(out, "items_per_s", entry.items_per_s);
  emit_number(out, "latency_us", entry.latency_us);
  emit_number(out, "transfer_bytes", entry.transfer_bytes);
  if (entry.max_difference) out << YAML::Key << "max_difference" << YAML::Value << number(*entry.max_difference);
  if (entry.mean_difference) out << YAML::Key << "mean_difference" << YAML::Value << number(*entry.mean_difference);
  emit_lines(out, "pipeline", entry.pipeline);
  out << YAML::EndMap;
}

void emit(YAML::Emitter& out, const Profile::Inference& entry) {
  out << YAML::BeginMap;
  emit_text(out, "model", entry.model);
  emit_text(out, "model_digest", entry.model_digest);
  emit_text(out, "backend", entry.backend);
  emit_text(out, "precision", std::string(name_of(entry.precision)));
  out << YAML::Key << "batch" << YAML::Value << entry.batch;
  if (entry.for_latency) out << YAML::Key << "for_latency" << YAML::Value << true;
  emit_samples(out, "items_per_s", entry.items_per_s);
  emit_number(out, "latency_us", entry.latency_us);
  emit_number(out, "transfer_us", entry.transfer_us);
  emit_number(out, "compute_us", entry.compute_us);
  emit_text(out, "device_operators", entry.device_operators);
  out << YAML::EndMap;
}

void emit(YAML::Emitter& out, const Profile::Accuracy& entry) {
  out << YAML::BeginMap;
  emit_text(out, "model", entry.model);
  emit_text(out, "rendition", entry.rendition);
  emit_text(out, "fidelity", entry.fidelity);
  emit_text(out, "precision", std::string(name_of(entry.precision)));
  emit_samples(out, "accuracy", {entry.value.value, entry.value.low, entry.value.high});
  if (entry.agreement) out << YAML::Key << "agreement" << YAML::Value << true;
  out << YAML::Key << "items" << YAML::Value << entry.num_items << YAML::EndMap;
}

void emit(YAML::Emitter& out, const Profile::Breakdown& entry) {
  out << YAML::BeginMap;
  emit_text(out, "rendition", entry.rendition);
  emit_text(out, "model", entry.model);
  for (const auto& [key, value] : {std::pair{"read_us", entry.read_us},
                                   {"decode_us", entry.decode_us},
                                   {"resize_crop_us", entry.resize_crop_us},
                                   {"convert_normalize_us", entry.convert_normalize_us},
                                   {"layout_us", entry.layout_us},
                                   {"fused_us", entry.fused_us},
                                   {"infer_us", entry.infer_us},
                                   {"transfer_us", entry.transfer_us}}) {
    emit_number(out, key, value);
  }
  out << YAML::EndMap;
}

template <typename Entry>
void emit_list(YAML::Emitter& out, const char* key, const std::vector<Entry>& entries) {
  if (entries.empty()) return;
  out << YAML::Key << key << YAML::Value << YAML::BeginSeq;
  for (const Entry& entry : entries) emit(out, entry);
  out << YAML::EndSeq;
}

// Rates divide: none may be zero, negative or not finite.
void read_rates(YamlFields& fields, const char* key, std::vector<double>& rates, bool required) {
  if (required) {
    fields.require(key, rates);
  } else {
    fields.read(key, rates);
  }
  const auto wrong = [](double rate) { return !(rate > 0) || !std::isfinite(rate); };
  if (fields.ok() && ((required && rates.empty()) || std::any_of(rates.begin(), rates.end(), wrong)))
    fields.fail(fields.child(key), fmt::format("'{}' must be a list of positive numbers", key));
}

void read_amount(YamlFields& fields, const char* key, double& value) {
  fields.read(key, value);
  if (fields.ok() && !(value >= 0 && std::isfinite(value)))
    fields.fail(fields.child(key), fmt::format("'{}' must be a number and not negative", key));
}

std::optional<double> read_difference(YamlFields& fields, const char* key) {
  if (!fields.has(key)) return std::nullopt;
  double value = 0;
  read_amount(fields, key, value);
  return value;
}

Status parse(const YAML::Node& node, const std::string& where, Profile::Preprocess& entry) {
  YamlFields fields(node, where);
  fields.require("rendition", entry.rendition);
  fields.read("fidelity", entry.fidelity);
  fields.read("model", entry.model);
  read_rates(fields, "items_per_s", entry.items_per_s, true);
  read_amount(fields, "latency_us", entry.latency_us);
  read_amount(fields, "transfer_bytes", entry.transfer_bytes);
  entry.max_difference = read_difference(fields, "max_difference");
  entry.mean_difference = read_difference(fields, "mean_difference");
  fields.read("pipeline", entry.pipeline);
  return fields.finish();
}

Status parse(const YAML::Node& node, const std::string& where, Profile::Inference& entry) {
  YamlFields fields(node, where);
  fields.require("model", entry.model);
  fields.read("model_digest", entry.model_digest);
  fields.read("backend", entry.backend);
  fields.read_word("precision", entry.precision, parse_precision);
  fields.read("batch", entry.batch);
  if (fields.ok() && entry.batch < 1) fields.fail(fields.child("batch"), "'batch' must be 1 or more");
  fields.read("for_latency", entry.for_latency);
  read_rates(fields, "items_per_s", entry.items_per_s, true);
  read_amount(fields, "latency_us", entry.latency_us);
  read_amount(fields, "transfer_us", entry.transfer_us);
  read_amount(fields, "compute_us", entry.compute_us);
  fields.read("device_operators", entry.device_operators);
  return fields.finish();
}

Status parse(const YAML::Node& node, const std::string& where, Profile::Accuracy& entry) {
  YamlFields fields(node, where);
  fields.require("model", entry.model);
  fields.require("rendition", entry.rendition);
  fields.read("fidelity", entry.fidelity);
  fields.read_word("precision", entry.precision, parse_precision);
  std::vector<double> values;
  fields.require("accuracy", values);
  if (values.size() == 1) values = {values[0], values[0], values[0]};  // without an interval: taken as exact
  const auto wrong = [](double value) { return !(value >= 0 && value <= 1); };
  if (fields.ok() && (values.size() != 3 || std::any_of(values.begin(), values.end(), wrong) || values[1] > values[0] ||
                      values[2] < values[0])) {
    fields.fail(fields.child("accuracy"), "'accuracy' is [value] or [value, low, high], each 0..1");
  }
  fields.read("agreement", entry.agreement);
  fields.read("items", entry.num_items);
  SMOL_RETURN_IF_ERROR(fields.finish());
  entry.value = {values[0], values[1], values[2]};
  return {};
}

Status parse(const YAML::Node& node, const std::string& where, Profile::Breakdown& entry) {
  YamlFields fields(node, where);
  fields.require("rendition", entry.rendition);
  fields.require("model", entry.model);
  for (const auto& [key, value] : {std::pair{"read_us", &entry.read_us},
                                   {"decode_us", &entry.decode_us},
                                   {"resize_crop_us", &entry.resize_crop_us},
                                   {"convert_normalize_us", &entry.convert_normalize_us},
                                   {"layout_us", &entry.layout_us},
                                   {"fused_us", &entry.fused_us},
                                   {"infer_us", &entry.infer_us},
                                   {"transfer_us", &entry.transfer_us}}) {
    read_amount(fields, key, *value);
  }
  return fields.finish();
}

template <typename Entry>
Status parse_list(const YAML::Node& node, const std::string& name, std::vector<Entry>& entries) {
  if (!node.IsDefined() || node.IsNull()) return {};
  if (!node.IsSequence()) return yaml_error(node, "profile", "`" + name + "` must be a list");
  for (const auto& element : node) {
    Entry entry;
    SMOL_RETURN_IF_ERROR(parse(element, fmt::format("profile, {}[{}]", name, entries.size()), entry));
    entries.push_back(std::move(entry));
  }
  return {};
}

}  // namespace

std::string to_yaml(const Profile& profile) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "format" << YAML::Value << Profile::kFormat;
  emit_text(out, "machine", profile.machine);
  emit_text(out, "smol_version", profile.smol_version);
  emit_text(out, "date", profile.date);
  emit_text(out, "source", profile.source);
  emit_text(out, "dataset", profile.dataset);
  emit_text(out, "reference_rendition", profile.reference_rendition);
  out << YAML::Key << "cores" << YAML::Value << profile.cores;
  out << YAML::Key << "shares_host_cores" << YAML::Value << profile.shares_host_cores;
  if (profile.simulated) out << YAML::Key << "simulated" << YAML::Value << true;
  if (!profile.overlap_exponents.empty()) emit_samples(out, "overlap_exponents", profile.overlap_exponents);
  emit_list(out, "preprocess", profile.preprocess);
  emit_list(out, "inference", profile.inference);
  emit_list(out, "accuracy", profile.accuracy);
  emit_list(out, "breakdown", profile.breakdown);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

Result<Profile> parse_profile(std::string_view yaml) {
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(yaml, "profile"));
  Profile profile;
  YamlFields fields(root, "profile");
  int format = 0;
  fields.require("format", format);
  if (fields.ok() && format != Profile::kFormat) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("this version reads profiles of format {}: format {}", Profile::kFormat, format)};
  }
  fields.read("machine", profile.machine);
  fields.read("smol_version", profile.smol_version);
  fields.read("date", profile.date);
  fields.read("source", profile.source);
  fields.read("dataset", profile.dataset);
  fields.read("reference_rendition", profile.reference_rendition);
  fields.read("cores", profile.cores);
  fields.read("shares_host_cores", profile.shares_host_cores);
  fields.read("simulated", profile.simulated);
  read_rates(fields, "overlap_exponents", profile.overlap_exponents, false);
  const YAML::Node preprocess = fields.child("preprocess"), inference = fields.child("inference"),
                   accuracy = fields.child("accuracy"), breakdown = fields.child("breakdown");
  SMOL_RETURN_IF_ERROR(fields.finish());
  SMOL_RETURN_IF_ERROR(parse_list(preprocess, "preprocess", profile.preprocess));
  SMOL_RETURN_IF_ERROR(parse_list(inference, "inference", profile.inference));
  SMOL_RETURN_IF_ERROR(parse_list(accuracy, "accuracy", profile.accuracy));
  SMOL_RETURN_IF_ERROR(parse_list(breakdown, "breakdown", profile.breakdown));
  return profile;
}

Result<Profile> load_profile(const std::string& path) {
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  Result<Profile> profile = parse_profile(text);
  if (profile.ok()) return profile;
  Error error = profile.error();
  error.message += ": " + path;
  return error;
}

Status save_profile(const Profile& profile, const std::string& path) { return write_text_file(path, to_yaml(profile)); }

}  // namespace smol
