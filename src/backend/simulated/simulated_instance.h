#pragma once
#include <memory>
#include <string>
#include <vector>

#include "backend/simulated/simulated_device.h"
#include "smol/backend.h"

namespace smol {

/// What the backend found out before it makes an instance.
struct SimulatedModel {
  std::vector<TensorSpec> inputs, outputs;  ///< with the batch
  int batch = 1;
  std::string max_batch_reason;
  DeviceDescription::Model rates;
  double operations = 0;  ///< of the operators in front of the model, for one picture
  std::int64_t weight_bytes = 0;
  bool pinned_memory = true;               ///< false: the host copies slots to a staging buffer and back
  std::unique_ptr<ModelInstance> answers;  ///< computes the outputs on the side; null: they are zeros
};

/// kOutOfMemory when the device cannot hold the model and its slots.
[[nodiscard]] Result<std::unique_ptr<ModelInstance>> create_simulated_instance(std::shared_ptr<SimulatedDevice> device,
                                                                               SimulatedModel model, int num_slots);

}  // namespace smol
