#include "source/archive_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace smol {

void ArchiveIndex::add(std::string_view name, const Member& member) {
  name_begins_.push_back(names_.size());
  names_ += name;
  members_.push_back(member);
}

std::string_view ArchiveIndex::name_of(std::int64_t member) const {
  const auto at = static_cast<std::size_t>(member);
  const std::size_t end = at + 1 < name_begins_.size() ? name_begins_[at + 1] : names_.size();
  return std::string_view(names_).substr(name_begins_[at], end - name_begins_[at]);
}

void ArchiveIndex::drop_earlier_of_same_name() {
  std::vector<std::uint32_t> order(members_.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [this](std::uint32_t a, std::uint32_t b) {
    const int compared = name_of(a).compare(name_of(b));
    return compared != 0 ? compared < 0 : a < b;
  });
  std::vector<bool> dropped(members_.size(), false);
  bool any = false;
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    if (name_of(order[i]) == name_of(order[i + 1])) any = dropped[order[i]] = true;
  }
  if (!any) return;
  ArchiveIndex kept;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!dropped[i]) kept.add(name_of(static_cast<std::int64_t>(i)), members_[i]);
  }
  members_ = std::move(kept.members_);
  name_begins_ = std::move(kept.name_begins_);
  names_ = std::move(kept.names_);
}

std::string_view plain_member_name(std::string_view name) {
  while (name.starts_with("./") || name.starts_with('/')) name.remove_prefix(name.starts_with('/') ? 1 : 2);
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    if (name.substr(begin, end - begin) == "..") return {};
    begin = end + 1;
  }
  return name.find('\0') == std::string_view::npos ? name : std::string_view{};
}

Error refusal_of(const ArchiveIndex::Member& member, const std::string& path) {
  using Refusal = ArchiveIndex::Refusal;
  switch (member.refusal) {
    case Refusal::kSparse:
      return {ErrorCode::kUnsupported, "a sparse file in an archive cannot be read; pack it without --sparse: " + path,
              Stage::kRead};
    case Refusal::kEncrypted:
      return {ErrorCode::kUnsupported, "the member is encrypted; pack it without a password: " + path, Stage::kRead};
    case Refusal::kMethod:
      return {ErrorCode::kUnsupported,
              fmt::format("the member is compressed by another method than stored (0) and deflate (8); pack it with one of "
                          "them: method {}, {}",
                          member.method, path),
              Stage::kRead};
    case Refusal::kNone:
    case Refusal::kDamaged:
      break;
  }
  return {ErrorCode::kCorrupt, "the archive's entry for this member is damaged: " + path, Stage::kRead};
}

}  // namespace smol
