#pragma once
#include <memory>
#include <string>

#include "source/archive_index.h"
#include "source/random_access.h"

namespace smol {

/// What lies under an address of object storage, or the one object that it names. Thread-safe.
class Objects {
 public:
  Objects() = default;
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;
  virtual ~Objects() = default;

  /// Whether the address names an object, not what begins like it.
  [[nodiscard]] virtual bool is_one() const = 0;
  /// Names relative to the address, sorted; offset: none, stamp: modification time in nanoseconds.
  [[nodiscard]] virtual const ArchiveIndex& index() const = 0;
  [[nodiscard]] virtual std::shared_ptr<const RandomAccess> open(std::int64_t object) const = 0;
};
/// s3://bucket/prefix, gs://, abfs://, file://. Requests that fail for a while are repeated with growing pauses. kNotFound,
/// kIo with what the service says, kNotBuilt without Arrow, kInvalidArgument for an address that is none.
[[nodiscard]] Result<std::shared_ptr<const Objects>> list_objects(const std::string& address);

}  // namespace smol
