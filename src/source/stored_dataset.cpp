#include "source/stored_dataset.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>

#include "source/folder.h"
#include "source/http_client.h"
#include "source/join_key.h"
#include "source/store.h"

namespace smol {
namespace {

// What lies beside pictures in shards: looking into each of a million of them would cost more than their names tell.
bool is_named_as_other(const std::string& id) {
  static constexpr std::array<std::string_view, 14> kExtensions{".json", ".txt", ".cls", ".cls2", ".csv", ".yaml", ".xml",
                                                                ".md",   ".id",  ".npy", ".npz",  ".pth", ".pyd",  ".html"};
  return std::any_of(kExtensions.begin(), kExtensions.end(), [&](std::string_view end) { return id.ends_with(end); });
}

// What stands for damage is kept: its row says that pictures are missing.
bool stands_for_damage(const std::string& id) { return id.ends_with(')') && id.find("!(damaged") != std::string::npos; }

bool is_hidden(const std::string& id) {
  const std::size_t slash = id.find_last_of("/!");
  return id[slash == std::string::npos ? 0 : slash + 1] == '.';
}

std::vector<std::int64_t> pictures_of(const Store& store, const RecognisePicture& recognise) {
  constexpr std::int64_t kFirstBytes = 32;
  std::vector<std::int64_t> pictures;
  std::vector<std::uint8_t> first;
  for (std::int64_t member = 0; member < store.size(); ++member) {
    const std::string id = store.id_of(member);
    bool taken = store.holds_only_pictures() || stands_for_damage(id) || (has_picture_extension(id) && !is_hidden(id));
    if (!taken && recognise && store.reads_cheaply() && !is_named_as_other(id) && !is_hidden(id))
      taken = store.read_range(member, 0, kFirstBytes, first).ok() && recognise(first);
    if (taken) pictures.push_back(member);
  }
  return pictures;
}

Error ambiguous(const Dataset::Rendition& rendition, const std::string& item_id, const std::vector<std::int64_t>& matches) {
  constexpr std::size_t kMost = 4;
  std::string names;
  for (std::size_t i = 0; i < std::min(matches.size(), kMost); ++i)
    names += (names.empty() ? "" : ", ") + rendition.store->id_of(matches[i]);
  return {ErrorCode::kInvalidArgument,
          fmt::format("rendition '{}' has {} pictures for item '{}', keep one: {}", rendition.name, matches.size(), item_id,
                      names),
          Stage::kRead};
}

// Notes may lie beside pictures: a.jpg with a.txt.
void keep_pictures(const Store& store, std::vector<std::int64_t>& matches) {
  const auto is_picture = [&](std::int64_t member) { return has_picture_extension(store.id_of(member)); };
  if (std::any_of(matches.begin(), matches.end(), is_picture))
    std::erase_if(matches, [&](std::int64_t member) { return !is_picture(member); });
}

/// Every N-th member of a store.
class MemberSource final : public Source {
 public:
  MemberSource(std::shared_ptr<const Store> store, int shard, int num_shards)
      : store_(std::move(store)), shard_(shard), num_shards_(num_shards) {}
  Result<std::optional<Item>> next() override {
    const std::int64_t member = shard_ + num_shards_ * next_.fetch_add(1, std::memory_order_relaxed);
    if (member >= store_->size()) return std::optional<Item>{};
    return std::optional(item_of(store_, member));
  }
  [[nodiscard]] std::optional<std::int64_t> size() const override {
    return (store_->size() - shard_ + num_shards_ - 1) / num_shards_;
  }

 private:
  const std::shared_ptr<const Store> store_;
  const std::int64_t shard_, num_shards_;
  std::atomic<std::int64_t> next_{0};
};

}  // namespace

std::unique_ptr<Source> open_members(const Dataset& dataset, int shard, int num_shards) {
  const std::shared_ptr<const Store>& store = dataset.renditions.front().store;
  if (!store || !dataset.regions.empty() || store->size() != std::ssize(dataset.item_ids)) return nullptr;
  for (std::int64_t member = 0; member < store->size(); ++member) {
    if (store->id_of(member) != dataset.item_ids[static_cast<std::size_t>(member)]) return nullptr;
  }
  return std::make_unique<MemberSource>(store, shard, num_shards);
}

Status open_stores(Dataset& dataset) {
  for (Dataset::Rendition& rendition : dataset.renditions) {
    SMOL_ASSIGN_OR_RETURN(rendition.store, open_store(rendition.path));
  }
  return {};
}

Result<std::shared_ptr<const Store>> open_listed(const std::vector<std::string>& names, const std::string& list) {
  const auto num_addresses = std::count_if(names.begin(), names.end(), is_address);
  if (num_addresses == 0) return std::shared_ptr<const Store>();
  const auto other = std::find_if_not(names.begin(), names.end(), is_web_address);
  if (other == names.end()) return open_web_pictures(names);
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("a list names files or addresses that begin with http:// or https://, not both; name a bucket's "
                           "prefix itself in place of a list: '{}' in {}",
                           *other, list),
               Stage::kRead};
}

Status read_stored_items(Dataset& dataset, const RecognisePicture& recognise) {
  Dataset::Rendition& rendition = dataset.renditions.front();
  std::vector<std::int64_t> pictures = pictures_of(*rendition.store, recognise);
  dataset.num_passed_over += rendition.store->size() - std::ssize(pictures);
  if (pictures.empty()) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there are no pictures in it, {} other entries: {}", dataset.num_passed_over, rendition.path),
                 Stage::kRead};
  }
  rendition.store = select_members(rendition.store, std::move(pictures));
  dataset.item_ids.reserve(static_cast<std::size_t>(rendition.store->size()));
  for (std::int64_t member = 0; member < rendition.store->size(); ++member)
    dataset.item_ids.push_back(rendition.store->id_of(member));
  dataset.labels = rendition.store->labels();
  return {};
}

Result<StoredPicture> find_stored(const Dataset& dataset, const Dataset::Rendition& rendition, const std::string& item_id) {
  const Dataset::Rendition& reference = dataset.renditions.front();
  const StoreIndex& index = rendition.store->index();
  if (rendition.name == reference.name) {
    if (const std::int64_t member = index.find(item_id); member >= 0) return StoredPicture{rendition.store, member};
  }
  std::vector<std::int64_t> matches = index.with_key(join_key_of(item_id));
  if (matches.empty()) {
    const std::string inner = inner_key_of(item_id);
    matches = index.with_inner_key(inner);
    // Two shards may each have a 000.jpg: which of them is meant by the one that is there?
    const std::size_t rivals = reference.store ? reference.store->index().with_inner_key(inner).size() : 1;
    if (!matches.empty() && rivals > 1) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("{} items of rendition '{}' have this path in different archives, so it does not say which "
                               "picture of rendition '{}' is meant; name the archives alike: {}",
                               rivals, reference.name, rendition.name, item_id),
                   Stage::kRead};
    }
  }
  keep_pictures(*rendition.store, matches);
  if (matches.size() == 1) return StoredPicture{rendition.store, matches.front()};
  if (!matches.empty()) return ambiguous(rendition, item_id, matches);
  return Error{ErrorCode::kNotFound,
               fmt::format("rendition '{}' has no picture for item '{}': {}", rendition.name, item_id, rendition.path),
               Stage::kRead};
}

void set_stored(Item& item, Result<StoredPicture> found) {
  if (!found.ok()) {
    item.error = std::move(found).error();
    return;
  }
  item.stored = *std::move(found);
  item.path = item.stored.store->path_of(item.stored.member);
}

void set_frame(const Dataset& dataset, Item& item) {
  const Dataset::Rendition& reference = dataset.renditions.front();
  if (!reference.store) {
    item.frame_path = (std::filesystem::path(reference.path) / item.id).lexically_normal().string();
    return;
  }
  Result<StoredPicture> found = find_stored(dataset, reference, item.id);
  if (!found.ok()) return;
  item.frame_stored = *std::move(found);
  item.frame_path = item.frame_stored.store->path_of(item.frame_stored.member);
}

}  // namespace smol
