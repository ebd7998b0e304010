#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "smol/result.h"

namespace smol {

/// Where the members of an archive lie. About 40 bytes and its name for each, so that a million members take some 100 MB.
class ArchiveIndex {
 public:
  /// Why a member cannot be read although it is there.
  enum class Refusal : std::uint8_t { kNone, kSparse, kEncrypted, kMethod, kDamaged };
  struct Member {
    std::int64_t offset = 0;        ///< of its data; zip: of its local header
    std::int64_t stored_bytes = 0;  ///< in the archive
    std::int64_t size_bytes = 0;    ///< of its content
    std::int64_t stamp = 0;         ///< tar: modification time in seconds; zip: CRC-32
    std::uint32_t method = 0;       ///< zip: how it is compressed, 0 = not
    Refusal refusal = Refusal::kNone;
  };

  void add(std::string_view name, const Member& member);
  /// Of members of one name the last one counts, as unpacking would leave it; it keeps its place.
  void drop_earlier_of_same_name();
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(members_.size()); }
  [[nodiscard]] std::string_view name_of(std::int64_t member) const;
  [[nodiscard]] const Member& operator[](std::int64_t member) const { return members_[static_cast<std::size_t>(member)]; }
  /// What is wrong with the archive behind its last member, if anything.
  std::optional<Error> damage;

 private:
  std::vector<Member> members_;
  std::vector<std::uint64_t> name_begins_;  ///< of each member in names_
  std::string names_;
};

/// A member's path as unpacking would make it: no leading "./" or "/"; empty for what would leave the folder.
[[nodiscard]] std::string_view plain_member_name(std::string_view name);
/// The error of a member that cannot be read; `path` is what the user calls it.
[[nodiscard]] Error refusal_of(const ArchiveIndex::Member& member, const std::string& path);

}  // namespace smol
