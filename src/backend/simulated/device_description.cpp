#include "backend/simulated/device_description.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text_file.h"
#include "base/yaml_fields.h"

namespace smol {
namespace {

Result<DeviceDescription::Model> read_model(const YAML::Node& node, const std::string& where) {
  YamlFields fields(node, where);
  DeviceDescription::Model model;
  fields.require("pictures_per_s", model.pictures_per_s);
  fields.read("memory_bytes", model.memory_bytes);
  const auto invalid = [](const auto& point) { return point.first < 1 || !(point.second > 0); };
  if (model.pictures_per_s.empty() || std::any_of(model.pictures_per_s.begin(), model.pictures_per_s.end(), invalid)) {
    fields.fail(node, "'pictures_per_s' must map batches to rates, all positive: {1: 900, 32: 4513}");
  }
  SMOL_RETURN_IF_ERROR(fields.finish());
  return model;
}

}  // namespace

Result<DeviceDescription> DeviceDescription::load(const std::string& path) {
  const std::string where = "device description " + path;
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(text, where));
  DeviceDescription device;
  YamlFields fields(root, where);
  int format = 0;
  fields.require("format", format);
  fields.require("name", device.name);
  fields.read("source", device.source);
  fields.read("devices", device.devices);
  fields.require("memory_bytes", device.memory_bytes);
  fields.read("streams", device.streams);
  fields.read("launch_us", device.launch_us);
  fields.read("protect_memory", device.protect_memory);
  fields.read("compute", device.compute);
  YamlFields transfer(fields.child("transfer"), where + ": transfer"), jitter(fields.child("jitter"), where + ": jitter"),
      operators(fields.child("operators"), where + ": operators");
  const bool has_operators = fields.has("operators");
  const YAML::Node models = fields.child("models");
  if (fields.ok() && format != 1) fields.fail(root, "'format' must be 1: " + std::to_string(format));
  if (!models.IsDefined() || !models.IsMap()) fields.fail(root, "'models' must map model names to their rates");
  SMOL_RETURN_IF_ERROR(fields.finish());
  transfer.require("bytes_per_s", device.transfer_bytes_per_s);
  transfer.read("latency_us", device.transfer_latency_us);
  transfer.read("shared", device.shared_transfer);
  SMOL_RETURN_IF_ERROR(transfer.finish());
  jitter.read("fraction", device.jitter_fraction);
  jitter.read("seed", device.jitter_seed);
  SMOL_RETURN_IF_ERROR(jitter.finish());
  if (has_operators) {
    operators.require("operations_per_s", device.operations_per_s);
    if (!(device.operations_per_s > 0)) operators.fail(root["operators"], "'operations_per_s' must be positive");
    SMOL_RETURN_IF_ERROR(operators.finish());
  }
  if (device.devices < 1 || device.memory_bytes < 1 || device.streams < 1 || !(device.transfer_bytes_per_s > 0) ||
      device.transfer_latency_us < 0 || device.launch_us < 0 || device.jitter_fraction < 0 || device.jitter_fraction >= 1) {
    return Error{ErrorCode::kInvalidArgument,
                 where +
                     ": devices, memory_bytes, streams and transfer.bytes_per_s must be positive, latencies not negative, "
                     "jitter.fraction in [0, 1)",
                 Stage::kParse};
  }
  for (const auto& entry : models) {
    const auto name = entry.first.as<std::string>("");
    SMOL_ASSIGN_OR_RETURN(device.models[name], read_model(entry.second, fmt::format("{}: models: {}", where, name)));
  }
  return device;
}

Result<DeviceDescription::Model> DeviceDescription::find(const std::string& stem) const {
  for (const std::string& key : {stem, std::string("*")}) {
    if (const auto found = models.find(key); found != models.end()) return found->second;
  }
  std::string known;
  for (const auto& [key, model] : models) known += (known.empty() ? "" : ", ") + key;
  return Error{ErrorCode::kInvalidArgument, "the description of " + name + " has rates for " + known +
                                                "; add the model, or \"*\" for all others: " + stem};
}

double batch_time_us(const DeviceDescription::Model& model, int batch) {
  const auto time_us = [](const std::pair<const int, double>& point) { return point.first * 1e6 / point.second; };
  const auto above = model.pictures_per_s.lower_bound(batch);
  if (above == model.pictures_per_s.end()) return batch * 1e6 / model.pictures_per_s.rbegin()->second;
  // Nothing is known of smaller batches: they take as long as the smallest known one, so that no rate is made up.
  if (above->first == batch || above == model.pictures_per_s.begin()) return time_us(*above);
  const auto below = std::prev(above);
  const double position = static_cast<double>(batch - below->first) / (above->first - below->first);
  return time_us(*below) + position * (time_us(*above) - time_us(*below));
}

double operators_time_us(const DeviceDescription& device, double operations, int batch) {
  return device.operations_per_s > 0 ? batch * operations * 1e6 / device.operations_per_s : 0;
}

}  // namespace smol
