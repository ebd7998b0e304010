#pragma once
#include <condition_variable>
#include <cstring>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "smol/backend.h"

namespace smol::testing {

/// Submits a slot and waits for its completion.
inline Result<InferTiming> run_slot(ModelInstance& instance, int slot, int num_valid) {
  // Shared with the completion: it may still be returning when the future is ready.
  const auto promise = std::make_shared<std::promise<Result<InferTiming>>>();
  instance.submit(slot, num_valid, [promise](Result<InferTiming> result) { promise->set_value(std::move(result)); });
  return promise->get_future().get();
}

/// Copies pictures (dense floats) into the first input of a slot.
inline void fill(ModelInstance& instance, int slot, const std::vector<float>& pictures) {
  std::memcpy(instance.input_tensors(slot)[0].data, pictures.data(), pictures.size() * sizeof(float));
}

/// The first `rows` rows of the first output, which holds floats.
inline std::vector<float> read_rows(ModelInstance& instance, int slot, int rows) {
  const TensorView output = instance.output_tensors(slot)[0];
  const auto* data = static_cast<const float*>(output.data);
  return {data, data + output.num_elements() / output.shape[0] * rows};
}

}  // namespace smol::testing
