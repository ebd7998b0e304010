#include "cli/input_lines.h"

#include <unistd.h>

#include <mutex>
#include <utility>

#include "source/store.h"

namespace smol::cli {
namespace {

/// Every N-th item of a source whose first item was taken to look at.
class LookedInto final : public Source {
 public:
  LookedInto(std::unique_ptr<Source> source, Item first, int shard, int num_shards)
      : source_(std::move(source)), first_(std::move(first)), shard_(shard), num_shards_(num_shards) {}
  Result<std::optional<Item>> next() override {
    const std::scoped_lock lock(mutex_);
    for (;;) {
      Result<std::optional<Item>> item = first_ ? std::exchange(first_, std::nullopt) : source_->next();
      if (!item.ok() || !*item || count_++ % num_shards_ == shard_) return item;
    }
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<Source> source_;
  std::optional<Item> first_;
  const int shard_, num_shards_;
  std::int64_t count_ = 0;
};

}  // namespace

Result<LinesInput> open_lines(char separator, int shard, int num_shards, std::stop_token stop) {
  std::unique_ptr<Source> lines = from_lines(STDIN_FILENO, separator, std::move(stop));
  SMOL_ASSIGN_OR_RETURN(std::optional<Item> first, lines->next());
  if (!first) return Error{ErrorCode::kInvalidArgument, "standard input names no items, one a line", Stage::kRead};
  LinesInput input;
  input.sample.path = "-";
  input.sample.renditions.push_back({"full", "", first->stored.store});
  input.sample.item_ids.push_back(first->stored.store ? first->stored.store->id_of(first->stored.member) : first->path);
  input.source = std::make_unique<LookedInto>(std::move(lines), *std::move(first), shard, num_shards);
  return input;
}

}  // namespace smol::cli
