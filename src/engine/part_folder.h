#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "engine/arrow_rows.h"
#include "smol/result.h"

namespace smol {

/// The durable side of a Parquet output: a folder of part files and a journal of them (_journal.jsonl, one line a part).
/// A part is written under a temporary name, synced, renamed and then recorded; rows are done when their part has its final
/// name, so an interrupted run leaves only whole parts and at most one temporary file, which the next run removes.
/// Not thread-safe, but has() may be called from many threads once open() returned.
class PartFolder {
 public:
  PartFolder(std::string folder, std::string part_prefix)
      : folder_(std::move(folder)), part_prefix_(std::move(part_prefix)) {}

  /// Makes the folder. With `resume` reads the keys of the rows that are there; otherwise parts of an earlier run are an
  /// error.
  Status open(bool resume);
  /// Writes one part. The record batches share a schema.
  Status write_part(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches);
  /// Takes over a finished file as a part (a merged output that a run continues).
  Status adopt(const std::string& file);
  /// All parts, in order of writing, as one file, durably. Parts stay.
  Status merge_into(const std::string& path) const;
  /// Whether an earlier run wrote this row.
  [[nodiscard]] bool has(std::string_view item, std::string_view region, std::string_view fingerprint,
                         std::string_view plan_hash) const;
  [[nodiscard]] const std::vector<std::string>& parts() const { return parts_; }

 private:
  struct Key {
    std::uint64_t low, high;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.low; }
  };
  static Key key_of(std::string_view item, std::string_view region, std::string_view fingerprint,
                    std::string_view plan_hash);
  Status read_keys(const std::string& part);
  Status record(const std::string& part, std::int64_t num_rows) const;

  std::string folder_, part_prefix_;
  std::vector<std::string> parts_;  ///< file names
  std::unordered_set<Key, KeyHash> done_;
  int next_part_ = 0;
};

}  // namespace smol
