#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "smol/result.h"
#include "source/store.h"

namespace smol {

/// a/b of a/b.jpg.
[[nodiscard]] std::string stem_of(std::string_view path);
/// What joins an item with those of other renditions: its path without extension, an archive being a folder of its name.
/// shards/0000.tar!a/b.jpg gives shards/0000/a/b.
[[nodiscard]] std::string join_key_of(std::string_view id);
/// The same within the archive: a/b. Joins where the whole key finds nothing.
[[nodiscard]] std::string inner_key_of(std::string_view id);

/// The members of a store by id and by key; the store outlives it. 48 bytes a member.
class StoreIndex {
 public:
  explicit StoreIndex(const Store& store);
  /// -1: none.
  [[nodiscard]] std::int64_t find(std::string_view id) const;
  [[nodiscard]] std::vector<std::int64_t> with_key(std::string_view key) const;
  [[nodiscard]] std::vector<std::int64_t> with_inner_key(std::string_view key) const;

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::int64_t member = 0;
  };
  using Name = std::string (*)(std::string_view);
  [[nodiscard]] std::vector<std::int64_t> matches(const std::vector<Entry>& entries, std::string_view wanted,
                                                  Name name) const;

  const Store& store_;
  std::vector<Entry> by_id_, by_key_, by_inner_key_;
};

}  // namespace smol
