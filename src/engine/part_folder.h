#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "engine/arrow_rows.h"
#include "smol/result.h"
#include "smol/session.h"

namespace smol {

/// The durable side of a Parquet output: a folder of part files and a journal of them (_journal.jsonl, a line for each
/// part that is written or rewritten).
/// A part is written under a temporary name, synced, renamed and then recorded; rows are done when their part has its final
/// name, so an interrupted run leaves only whole parts and at most one temporary file, which the next run removes.
/// There is one row for each item, region and plan: a new one (the file or --fail-on changed, or it had failed and is tried
/// again) replaces the old one, whose part is rewritten without it.
/// Shards of a run may write at the same time: each knows the rows of all parts, but rewrites only its own. A run without
/// shards owns all parts.
/// Not thread-safe, but has() and failure() may be called from many threads once open() and adopt() returned.
class PartFolder {
 public:
  explicit PartFolder(std::string folder) : folder_(std::move(folder)) {}

  /// Makes the folder. With `overwrite` removes the parts that the run owns; with `resume` reads the keys of the rows that
  /// are there; otherwise parts of its own, or of another division into shards, are an error.
  Status open(const ParquetOptions& options);
  /// Writes one part. The record batches share a schema.
  Status write_part(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches);
  /// Takes over a finished file as a part (a merged output that a run continues).
  Status adopt(const std::string& file);
  /// All parts, in order of writing, as one file, durably. Parts stay.
  Status merge_into(const std::string& path) const;
  /// Whether an earlier run wrote this row, and it stays.
  [[nodiscard]] bool has(std::string_view item, std::string_view region, std::string_view fingerprint,
                         std::string_view plan_hash) const;
  /// The error in a row that has() knows.
  [[nodiscard]] std::optional<ErrorCode> failure(std::string_view item, std::string_view region,
                                                 std::string_view fingerprint, std::string_view plan_hash) const;
  [[nodiscard]] const std::vector<std::string>& parts() const { return parts_; }

 private:
  struct Key {
    std::uint64_t low, high;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.low; }
  };
  struct Recorded {
    std::uint64_t version;  ///< of the item's content and of what the plan was run with
    std::uint32_t part;     ///< index into earlier_parts_
    std::optional<ErrorCode> error;
  };
  using Keys = std::unordered_set<Key, KeyHash>;
  static Key key_of(std::string_view item, std::string_view region, std::string_view plan_hash);
  [[nodiscard]] const Recorded* find(std::string_view item, std::string_view region, std::string_view fingerprint,
                                     std::string_view plan_hash) const;
  [[nodiscard]] std::string path_of(const std::string& part) const;
  [[nodiscard]] bool owns(std::string_view part) const;
  Status remove_own() const;
  // Without resume: whether the folder, listed in `all`, has nothing that would hold items twice.
  [[nodiscard]] Status check_free(const std::vector<std::string>& all, bool overwrite) const;
  Result<std::int64_t> read_keys(const std::string& part);
  Status drop_replaced(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches);
  Status drop_rows(const std::string& part, const Keys& keys);
  Status move_into_place(const std::string& temporary, const std::string& part) const;
  Status record(const std::string& part, std::int64_t num_rows) const;

  std::string folder_;
  std::string part_prefix_ = "part-";  ///< of the parts that are written
  std::string siblings_;               ///< how names of all shards of this division end: "-of-4-"; empty without shards
  bool retry_failed_ = false;
  std::vector<std::string> parts_;          ///< file names, of own ones
  std::vector<std::string> earlier_parts_;  ///< of earlier runs, including those that were dropped since
  std::unordered_map<Key, Recorded, KeyHash> recorded_;
  Keys replaced_;  ///< of recorded_, those whose rows are gone
  int next_part_ = 0;
};

}  // namespace smol
