#pragma once
#include <utility>

#include "smol/arrow.h"

namespace smol::python {

/// Owns one of Arrow's C structures until it is handed on.
template <typename Structure>
class ArrowOwned {
 public:
  ArrowOwned() = default;
  ArrowOwned(ArrowOwned&& other) noexcept : value_(std::exchange(other.value_, Structure{})) {}
  ArrowOwned& operator=(ArrowOwned&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~ArrowOwned() {
    if (value_.release != nullptr) value_.release(&value_);
  }
  [[nodiscard]] Structure& get() { return value_; }

 private:
  Structure value_{};
};

/// The columns of a run's batches.
struct ArrowColumns {
  ArrowOwned<ArrowSchema> schema;
};

/// A record batch on its way to Python.
struct ArrowBatch {
  ArrowOwned<ArrowSchema> schema;
  ArrowOwned<ArrowArray> array;
};

}  // namespace smol::python
