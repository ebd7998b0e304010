#include "source/join_key.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <utility>

namespace smol {
namespace {

// Where the member's name begins in archive!member, and where the archive's ends without its extension; else 0, 0.
struct Split {
  std::size_t archive_end = 0, member_begin = 0;
};
Split split(std::string_view id) {
  static constexpr std::array<std::string_view, 3> kMarks{".tar!", ".zip!", ".parquet!"};
  Split first;
  for (const std::string_view mark : kMarks) {
    const std::size_t found = id.find(mark);
    if (found != std::string_view::npos && (first.member_begin == 0 || found < first.archive_end))
      first = {found, found + mark.size()};
  }
  return first;
}

std::string same(std::string_view text) { return std::string(text); }

}  // namespace

std::string stem_of(std::string_view path) { return std::filesystem::path(path).replace_extension().string(); }

std::string join_key_of(std::string_view id) {
  const auto [archive_end, member_begin] = split(id);
  if (member_begin == 0) return stem_of(id);
  return std::string(id.substr(0, archive_end)) + "/" + stem_of(id.substr(member_begin));
}

std::string inner_key_of(std::string_view id) { return stem_of(id.substr(split(id).member_begin)); }

StoreIndex::StoreIndex(const Store& store) : store_(store) {
  const std::hash<std::string> hash;
  const auto size = static_cast<std::size_t>(store_.size());
  for (std::vector<Entry>* entries : {&by_id_, &by_key_, &by_inner_key_}) entries->reserve(size);
  for (std::int64_t member = 0; member < store_.size(); ++member) {
    const std::string id = store_.id_of(member);
    by_id_.push_back({hash(id), member});
    by_key_.push_back({hash(join_key_of(id)), member});
    by_inner_key_.push_back({hash(inner_key_of(id)), member});
  }
  for (std::vector<Entry>* entries : {&by_id_, &by_key_, &by_inner_key_}) {
    std::sort(entries->begin(), entries->end(),
              [](const Entry& a, const Entry& b) { return std::pair(a.hash, a.member) < std::pair(b.hash, b.member); });
  }
}

std::vector<std::int64_t> StoreIndex::matches(const std::vector<Entry>& entries, std::string_view wanted, Name name) const {
  const std::uint64_t hash = std::hash<std::string>()(std::string(wanted));
  std::vector<std::int64_t> found;
  auto entry = std::lower_bound(entries.begin(), entries.end(), hash,
                                [](const Entry& a, std::uint64_t value) { return a.hash < value; });
  for (; entry != entries.end() && entry->hash == hash; ++entry) {
    if (name(store_.id_of(entry->member)) == wanted) found.push_back(entry->member);
  }
  return found;
}

std::int64_t StoreIndex::find(std::string_view id) const {
  const std::vector<std::int64_t> found = matches(by_id_, id, same);
  return found.empty() ? -1 : found.front();
}

std::vector<std::int64_t> StoreIndex::with_key(std::string_view key) const { return matches(by_key_, key, join_key_of); }

std::vector<std::int64_t> StoreIndex::with_inner_key(std::string_view key) const {
  return matches(by_inner_key_, key, inner_key_of);
}

}  // namespace smol
