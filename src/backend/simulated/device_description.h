#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "smol/result.h"

namespace smol {

/// A simulated device, read from YAML:
///   format: 1
///   name: NVIDIA T4
///   source: where the figures come from
///   devices: 1                        # equal ones behind one host; what follows is said of each
///   memory_bytes: 16000000000
///   streams: 4                        # batches on the device at once, copying or computing
///   transfer: {bytes_per_s: 12.0e9, latency_us: 10}   # each direction on its own; shared: true is one link for all devices
///   launch_us: 20                     # from the arrival of the inputs to the start of the computation
///   jitter: {fraction: 0.02, seed: 1} # computation varies uniformly by this fraction
///   operators: {operations_per_s: 2.5e11} # of operators in front of a model; absent: they take no time
///   protect_memory: true              # host code that touches device memory crashes
///   compute: wait                     # or a backend (reference, openvino) that computes the answers on the side
///   models: {resnet50: {pictures_per_s: {1: 900, 32: 4513}, memory_bytes: 100000000}, "*": {...}}
struct DeviceDescription {
  struct Model {
    std::map<int, double> pictures_per_s;  ///< by batch; at least one
    std::int64_t memory_bytes = 0;         ///< 0: the size of the model file
  };
  std::string name;
  std::string source;
  int devices = 1;
  std::int64_t memory_bytes = 0;  ///< of one device
  int streams = 1;                ///< of one device
  double transfer_bytes_per_s = 0;
  double transfer_latency_us = 0;
  bool shared_transfer = false;  ///< all devices copy over one link
  double launch_us = 0;
  double operations_per_s = 0;  ///< 0: operators in front of a model take no time
  double jitter_fraction = 0;
  std::uint64_t jitter_seed = 1;
  bool protect_memory = false;
  std::string compute = "wait";
  std::map<std::string, Model> models;  ///< by the model file's stem; "*" stands for all others

  /// kNotFound, kInvalidArgument with key and line.
  [[nodiscard]] static Result<DeviceDescription> load(const std::string& path);
  /// kInvalidArgument listing the models when there is none for it.
  [[nodiscard]] Result<Model> find(const std::string& stem) const;
};

/// Time of one batch, microseconds: linear between the described batches; smaller ones take as long as the smallest
/// described, larger ones run at the rate of the largest.
[[nodiscard]] double batch_time_us(const DeviceDescription::Model& model, int batch);
/// Time of the operators in front of the model, microseconds a batch; `operations` are those of one picture.
[[nodiscard]] double operators_time_us(const DeviceDescription& device, double operations, int batch);

}  // namespace smol
