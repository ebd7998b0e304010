#pragma once
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "smol/result.h"
#include "smol/source.h"

namespace smol {

class StoreIndex;

/// Pictures by name in something that is no folder of files. Members are numbered from 0; they do not change while the store
/// is open. Thread-safe: members are read from several threads at once.
class Store {
 public:
  struct Facts {
    std::int64_t size_bytes = -1;  ///< of the encoded picture; -1: not known before it is read
    std::string fingerprint;       ///< changes with the content; what resuming and caches go by
  };

  Store() = default;
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  virtual ~Store() = default;

  [[nodiscard]] virtual std::int64_t size() const = 0;
  /// What names a member within the dataset: photos.tar!a/b.jpg. Unique in the store.
  [[nodiscard]] virtual std::string id_of(std::int64_t member) const = 0;
  /// What a message calls a member: where the user would look for it.
  [[nodiscard]] virtual std::string path_of(std::int64_t member) const = 0;
  [[nodiscard]] virtual Facts facts_of(std::int64_t member) const = 0;
  /// As Source::read_range(); the range is not negative.
  virtual Status read_range(std::int64_t member, std::int64_t offset, std::int64_t length,
                            std::vector<std::uint8_t>& buffer) const = 0;
  /// What the store itself says of each member, -1 = nothing; empty without labels.
  [[nodiscard]] virtual std::vector<int> labels() const { return {}; }
  /// Whether every member is a picture that the user named, whatever its name looks like (rows of a table, a list).
  [[nodiscard]] virtual bool holds_only_pictures() const { return false; }
  /// Whether looking at the first bytes of every member costs little; false where each is a request.
  [[nodiscard]] virtual bool reads_cheaply() const { return true; }

  /// Made when it is first asked for.
  [[nodiscard]] const StoreIndex& index() const;

 private:
  mutable std::once_flag index_made_;
  mutable std::shared_ptr<const StoreIndex> index_;
};

/// Opens what a name stands for; null when it is none of the kinds of stores: a folder of pictures or a file. kNotFound,
/// kIo, kCorrupt, kNotBuilt, kUnsupported with the remedy.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_store(const std::string& name);
/// Whether a name that is no folder stands for a store.
[[nodiscard]] bool may_be_store(const std::string& name);
/// Whether the name is an address (scheme://...), which is no path.
[[nodiscard]] bool is_address(std::string_view name);

/// Some members of a store, e.g. those that are pictures.
[[nodiscard]] std::shared_ptr<const Store> select_members(std::shared_ptr<const Store> store,
                                                          std::vector<std::int64_t> members);
/// The item of a member, with what open_dataset() would call it.
[[nodiscard]] Item item_of(const std::shared_ptr<const Store>& store, std::int64_t member);

/// Makes room for so many bytes, as Source::read_range() gives them.
void size_buffer(std::vector<std::uint8_t>& buffer, std::int64_t size_bytes);

}  // namespace smol
