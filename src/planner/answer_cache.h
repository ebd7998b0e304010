#pragma once
#include <string>
#include <string_view>
#include <unordered_map>

#include "smol/result.h"

namespace smol {

/// Answers of one plan that were found before, in a file of a cache folder. The key names all that can change an answer
/// (Plan::semantic_hash() and the versions of what decodes and infers); entries name item, region and content.
/// A file that is damaged or of another format is taken for an empty one: a cache may be lost, never believed blindly.
/// Not thread-safe. Two processes may write the same file: the last one wins, as a whole.
class AnswerCache {
 public:
  /// An empty `folder`: nothing is found and nothing is kept.
  AnswerCache(const std::string& folder, std::string_view key);

  /// The label found for this content, or null. `fingerprint`: region_fingerprint().
  [[nodiscard]] const int* find(std::string_view item, std::string_view region, std::string_view fingerprint) const;
  void add(std::string_view item, std::string_view region, std::string_view fingerprint, int label);
  /// Writes what was added, if anything was. kIo.
  Status save();

 private:
  std::string path_;  ///< empty: no cache
  std::string key_;
  std::unordered_map<std::string, int> labels_;  ///< by item, region, fingerprint
  bool changed_ = false;
};

}  // namespace smol
