#pragma once
#include <memory>
#include <vector>

#include "smol/tensor.h"

namespace smol {

/// Host memory for the input and output tensors of all slots of an instance: one zeroed allocation, tensors 64-byte aligned.
class SlotMemory {
 public:
  /// Throws std::bad_alloc.
  SlotMemory(std::vector<TensorSpec> inputs, std::vector<TensorSpec> outputs, int num_slots, MemoryKind kind);

  [[nodiscard]] std::vector<TensorView> inputs(int slot) const;
  [[nodiscard]] std::vector<TensorView> outputs(int slot) const;
  /// Of one slot, including alignment; inputs come first, outputs follow at outputs_offset().
  [[nodiscard]] std::size_t slot_bytes() const { return slot_bytes_; }
  [[nodiscard]] std::size_t outputs_offset() const { return outputs_offset_; }
  [[nodiscard]] std::byte* slot_data(int slot) const;

 private:
  struct Free {
    void operator()(std::byte* p) const;
  };
  [[nodiscard]] std::vector<TensorView> views(const std::vector<TensorSpec>& specs, std::byte* data) const;

  std::vector<TensorSpec> inputs_, outputs_;
  MemoryKind kind_;
  std::size_t outputs_offset_ = 0, slot_bytes_ = 0;
  std::unique_ptr<std::byte, Free> storage_;
};

/// The specifications with dimension 0 set to `batch`.
[[nodiscard]] std::vector<TensorSpec> with_batch(std::vector<TensorSpec> specs, int batch);

}  // namespace smol
