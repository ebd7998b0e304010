#include "backend/simulated/simulated_backend.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <mutex>

#include "backend/model_file.h"
#include "backend/simulated/device_names.h"
#include "backend/simulated/operator_operations.h"
#include "backend/simulated/simulated_instance.h"
#include "backend/slot_memory.h"
#include "base/digest.h"

namespace smol {
namespace {

using Specs = std::pair<std::vector<TensorSpec>, std::vector<TensorSpec>>;

/// Bytes of the model file and the weights beside it.
std::int64_t weight_bytes_of(const std::string& model_path) {
  std::int64_t bytes = 0;
  for (const std::string& path : {model_path, std::filesystem::path(model_path).replace_extension(".bin").string()}) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!error) bytes += static_cast<std::int64_t>(size);
  }
  return bytes;
}

/// The specifications for a batch; what the file leaves open, and the input where operators run on the device, follows what
/// the host writes.
Result<Specs> resolve(Specs specs, const CompileOptions& options) {
  specs.first = with_batch(std::move(specs.first), options.batch);
  specs.second = with_batch(std::move(specs.second), options.batch);
  if (options.host_output) {
    const OutputSpec& host = *options.host_output;
    const int channels = host.color == ColorOrder::kGray ? 1 : 3;
    TensorSpec& input = specs.first.at(0);
    input.dtype = host.dtype;
    input.shape = host.layout == Layout::kNCHW ? Shape{options.batch, channels, host.height, host.width}
                                               : Shape{options.batch, host.height, host.width, channels};
  }
  for (const auto* tensors : {&specs.first, &specs.second}) {
    for (const TensorSpec& tensor : *tensors) {
      if (std::all_of(tensor.shape.begin(), tensor.shape.end(), [](std::int64_t d) { return d > 0; })) continue;
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("the model file leaves a size open; have the device compute answers, or give host_output for "
                               "inputs: {} {}",
                               tensor.name, to_string(tensor.shape))};
    }
  }
  return specs;
}

class SimulatedBackend final : public Backend {
 public:
  explicit SimulatedBackend(const BackendRegistry& hosts) {
    capabilities_.separate_memory = true;
    capabilities_.shares_host_cores = false;
    capabilities_.compiles_device_operators = true;
    capabilities_.simulated = true;
    capabilities_.device_name = "simulated: described by a file (backend_config in the card)";
    for (const auto& host : hosts.backends()) {
      hosts_.push_back(host.get());
      const std::vector<std::string>& extensions = host->capabilities().model_extensions;
      capabilities_.model_extensions.insert(capabilities_.model_extensions.end(), extensions.begin(), extensions.end());
    }
  }

  std::string_view name() const override { return "simulated"; }
  std::string description() const override { return "simulated devices: times are modelled, not measured"; }
  const BackendCapabilities& capabilities() const override { return capabilities_; }

  Result<Specs> describe(const std::string& model_path) const override {
    SMOL_ASSIGN_OR_RETURN(const Backend* host, host_reading(model_path));
    return host->describe(model_path);
  }

  Result<std::unique_ptr<ModelInstance>> compile(const CompileOptions& options, int num_slots) const override {
    if (options.batch < 1 || num_slots < 1 || options.device != 0) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("batch and slots must be at least 1, the device 0: {}, {}, {}",
                                                            options.batch, num_slots, options.device)};
    }
    if (options.config_path.empty()) {
      return Error{
          ErrorCode::kInvalidArgument,
          fmt::format(
              "the simulated backend needs a device description; name a file or one of {} as `backend_config` in the "
              "model card",
              fmt::join(device_names(), ", "))};
    }
    try {
      SMOL_ASSIGN_OR_RETURN(std::shared_ptr<SimulatedDevice> device, open_device(options.config_path));
      SMOL_ASSIGN_OR_RETURN(SimulatedModel model, prepare(device->description(), options, num_slots));
      return create_simulated_instance(std::move(device), std::move(model), num_slots);
    } catch (const std::bad_alloc&) {
      return Error{ErrorCode::kOutOfMemory,
                   fmt::format("the host has no memory for {} slots of batch {}", num_slots, options.batch), Stage::kInfer};
    }
  }

 private:
  [[nodiscard]] Result<const Backend*> host_reading(const std::string& model_path) const {
    const std::string extension = extension_of(model_path);
    for (const Backend* host : hosts_) {
      const std::vector<std::string>& known = host->capabilities().model_extensions;
      if (std::find(known.begin(), known.end(), extension) != known.end()) return host;
    }
    return Error{ErrorCode::kUnsupported, "no backend of this build reads such model files: " + model_path};
  }

  [[nodiscard]] Result<const Backend*> host_named(const std::string& host_name) const {
    std::string known = "wait";
    for (const Backend* host : hosts_) {
      if (host->name() == host_name) return host;
      known += ", " + std::string(host->name());
    }
    return Error{ErrorCode::kInvalidArgument,
                 "the device description's 'compute' must be one of " + known + ": " + host_name};
  }

  [[nodiscard]] Result<SimulatedModel> prepare(const DeviceDescription& device, const CompileOptions& options,
                                               int num_slots) const {
    SimulatedModel model;
    SMOL_ASSIGN_OR_RETURN(model.rates, device.find(std::filesystem::path(options.model_path).stem().string()));
    model.weight_bytes = model.rates.memory_bytes > 0 ? model.rates.memory_bytes : weight_bytes_of(options.model_path);
    if (!options.device_operators.empty()) {
      if (!options.host_output) {
        return Error{ErrorCode::kInvalidArgument, "device operators need host_output, which says what the host writes"};
      }
      model.operations = count_operations(options.device_operators, *options.host_output);
    }
    if (device.compute == "wait") {
      SMOL_ASSIGN_OR_RETURN(Specs specs, describe(options.model_path));
      SMOL_ASSIGN_OR_RETURN(specs, resolve(std::move(specs), options));
      model.inputs = std::move(specs.first);
      model.outputs = std::move(specs.second);
      model.batch = options.batch;
      model.pinned_memory = options.pinned_memory;
      return model;
    }
    SMOL_ASSIGN_OR_RETURN(const Backend* host, host_named(device.compute));
    CompileOptions host_options = options;
    host_options.config_path.clear();
    SMOL_ASSIGN_OR_RETURN(model.answers, host->compile(host_options, num_slots));
    model.inputs = model.answers->inputs();
    model.outputs = model.answers->outputs();
    model.batch = model.answers->batch();
    model.pinned_memory = options.pinned_memory;
    model.max_batch_reason = model.answers->max_batch_reason();
    return model;
  }

  /// Instances for the same description share one device while any of them lives.
  [[nodiscard]] Result<std::shared_ptr<SimulatedDevice>> open_device(const std::string& path) const {
    const Result<std::string> digest = digest_of_file(path);
    if (!digest.ok()) {
      return Error{digest.error().code,
                   fmt::format("{}; devices that can be named instead of a file: {}", digest.error().message,
                               fmt::join(device_names(), ", ")),
                   Stage::kParse};
    }
    const std::lock_guard lock(mutex_);
    std::weak_ptr<SimulatedDevice>& known = devices_[path + *digest];
    if (std::shared_ptr<SimulatedDevice> device = known.lock()) return device;
    SMOL_ASSIGN_OR_RETURN(DeviceDescription description, DeviceDescription::load(path));
    auto device = std::make_shared<SimulatedDevice>(std::move(description));
    known = device;
    return device;
  }

  std::vector<const Backend*> hosts_;
  BackendCapabilities capabilities_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::weak_ptr<SimulatedDevice>> devices_;
};

}  // namespace

std::unique_ptr<const Backend> create_simulated_backend(const BackendRegistry& hosts) {
  return std::make_unique<SimulatedBackend>(hosts);
}

}  // namespace smol
