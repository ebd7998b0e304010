#pragma once
/// Rows of a run as Arrow record batches, through Arrow's C data interface: no Arrow type and no Arrow library is needed
/// here.

#include <cstdint>
#include <memory>
#include <span>

#include "smol/result.h"
#include "smol/session.h"

// Arrow's stable C structures, as https://arrow.apache.org/docs/format/CDataInterface.html asks everybody to repeat them.
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

extern "C" {
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};

struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
}
#endif

namespace smol {

/// Turns rows of one run into record batches with the columns of a Parquet output. Immutable and thread-safe.
class RowExporter {
 public:
  /// `plans` are those that execute() is given, in the same order; what is needed of them is copied.
  RowExporter(std::span<const CompiledPlan> plans, bool stage_times);
  ~RowExporter();

  /// The columns. The caller owns `out` and calls its release().
  Status schema(ArrowSchema& out) const;
  /// One batch, a struct array with a child for every column. The caller owns `out` and calls its release(). kOutOfMemory.
  Status batch(std::span<const Row> rows, ArrowArray& out) const;

 private:
  struct Columns;
  std::unique_ptr<const Columns> columns_;
};

}  // namespace smol
