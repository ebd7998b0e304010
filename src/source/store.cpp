#include "source/store.h"

#include <utility>

#include "source/join_key.h"

namespace smol {
namespace {

/// Some members of another store.
class Selection final : public Store {
 public:
  Selection(std::shared_ptr<const Store> store, std::vector<std::int64_t> members)
      : store_(std::move(store)), members_(std::move(members)) {}
  [[nodiscard]] std::int64_t size() const override { return std::ssize(members_); }
  [[nodiscard]] std::string id_of(std::int64_t member) const override { return store_->id_of(at(member)); }
  [[nodiscard]] std::string path_of(std::int64_t member) const override { return store_->path_of(at(member)); }
  [[nodiscard]] Facts facts_of(std::int64_t member) const override { return store_->facts_of(at(member)); }
  Status read_range(std::int64_t member, std::int64_t offset, std::int64_t length,
                    std::vector<std::uint8_t>& buffer) const override {
    return store_->read_range(at(member), offset, length, buffer);
  }
  [[nodiscard]] bool holds_only_pictures() const override { return store_->holds_only_pictures(); }
  [[nodiscard]] bool reads_cheaply() const override { return store_->reads_cheaply(); }
  [[nodiscard]] std::vector<int> labels() const override {
    const std::vector<int> all = store_->labels();
    std::vector<int> chosen;
    if (all.empty()) return chosen;
    chosen.reserve(members_.size());
    for (const std::int64_t member : members_) chosen.push_back(all[static_cast<std::size_t>(member)]);
    return chosen;
  }

 private:
  [[nodiscard]] std::int64_t at(std::int64_t member) const { return members_[static_cast<std::size_t>(member)]; }

  std::shared_ptr<const Store> store_;
  std::vector<std::int64_t> members_;
};

}  // namespace

const StoreIndex& Store::index() const {
  std::call_once(index_made_, [this] { index_ = std::make_shared<const StoreIndex>(*this); });
  return *index_;
}

std::shared_ptr<const Store> select_members(std::shared_ptr<const Store> store, std::vector<std::int64_t> members) {
  if (std::ssize(members) == store->size()) return store;
  return std::make_shared<Selection>(std::move(store), std::move(members));
}

Item item_of(const std::shared_ptr<const Store>& store, std::int64_t member) {
  Item item;
  item.id = store->id_of(member);
  item.path = store->path_of(member);
  item.stored = {store, member};
  return item;
}

void size_buffer(std::vector<std::uint8_t>& buffer, std::int64_t size_bytes) {
  constexpr std::size_t kReadableAfterEnd = 64;  // SIMD readers may look this far past the last byte
  const auto size = static_cast<std::size_t>(size_bytes);
  if (buffer.capacity() < size + kReadableAfterEnd) buffer.reserve((size + kReadableAfterEnd) * 5 / 4);
  buffer.resize(size);
}

}  // namespace smol
