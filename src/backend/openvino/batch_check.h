#pragma once
#include <memory>
#include <openvino/openvino.hpp>
#include <string>

#include "smol/backend.h"

namespace smol {

/// Whether a model computes the pictures of a batch independently, and what it takes to make it do so.
struct BatchVerdict {
  int batch = 1;               ///< what can be compiled
  bool free_reshapes = false;  ///< constant reshapes have to be rewritten first
  std::string reason{};        ///< why `batch` is below what was asked; else empty
};

/// Compiles `file_model` at the wanted batch and at 1 and compares their outputs on deterministic pseudo-random pictures:
/// first as it is, then with constant reshapes freed. Costs two compilations and a few inferences. Throws OpenVINO's
/// exceptions where the model cannot run at all.
[[nodiscard]] BatchVerdict verify_batch(ov::Core& core, const std::shared_ptr<const ov::Model>& file_model,
                                        const CompileOptions& options, const ov::AnyMap& properties);

}  // namespace smol
