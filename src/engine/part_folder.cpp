#include "engine/part_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <map>

#include "base/text_file.h"
#include "engine/part_file.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

// Readers of Parquet folders pass over names that begin with an underscore.
constexpr std::string_view kJournal = "_journal.jsonl";

XXH128_hash_t hash_of(std::initializer_list<std::string_view> fields) {
  std::string text;
  for (std::string_view field : fields) {
    text += field;
    text += '\0';
  }
  return XXH3_128bits(text.data(), text.size());
}

// part-000000.parquet or shard-0-of-4-000000.parquet
bool is_part(std::string_view name) {
  constexpr std::string_view kExtension = ".parquet";
  if (!(name.starts_with("part-") || name.starts_with("shard-")) || !name.ends_with(kExtension)) return false;
  name.remove_suffix(kExtension.size());
  const std::string_view number = name.substr(name.rfind('-') + 1);
  return !number.empty() && number.find_first_not_of("0123456789") == std::string_view::npos;
}

std::uint64_t version_of(std::string_view fingerprint, std::string_view plan_hash) {
  return hash_of({fingerprint, plan_hash}).low64;
}

}  // namespace

PartFolder::Key PartFolder::key_of(std::string_view item, std::string_view region, std::string_view plan_hash) {
  const XXH128_hash_t hash = hash_of({item, region, plan_hash.substr(0, plan_hash.find(RowSchema::kHashSeparator))});
  return {hash.low64, hash.high64};
}

const PartFolder::Recorded* PartFolder::find(std::string_view item, std::string_view region, std::string_view fingerprint,
                                             std::string_view plan_hash) const {
  if (recorded_.empty()) return nullptr;
  const auto found = recorded_.find(key_of(item, region, plan_hash));
  if (found == recorded_.end() || found->second.version != version_of(fingerprint, plan_hash)) return nullptr;
  return &found->second;
}

bool PartFolder::has(std::string_view item, std::string_view region, std::string_view fingerprint,
                     std::string_view plan_hash) const {
  const Recorded* recorded = find(item, region, fingerprint, plan_hash);
  return recorded != nullptr && !(retry_failed_ && recorded->error);
}

std::optional<ErrorCode> PartFolder::failure(std::string_view item, std::string_view region, std::string_view fingerprint,
                                             std::string_view plan_hash) const {
  const Recorded* recorded = find(item, region, fingerprint, plan_hash);
  return recorded == nullptr ? std::nullopt : recorded->error;
}

std::string PartFolder::path_of(const std::string& part) const { return (fs::path(folder_) / part).string(); }

bool PartFolder::owns(std::string_view part) const { return siblings_.empty() || part.starts_with(part_prefix_); }

// Removes what looks like output of this run or, without shards, of any; others may keep files there.
Status PartFolder::remove_own() const {
  std::error_code failure;
  std::vector<fs::path> paths;
  for (const auto& entry : fs::directory_iterator(folder_, failure)) {
    const std::string name = entry.path().filename().string();
    const std::string part = name.starts_with('_') ? name.substr(1) : name;
    const bool unfinished = part.ends_with(".parquet.tmp");
    const bool is_output = is_part(unfinished ? part.substr(0, part.size() - 4) : part) && owns(part);
    if (is_output || (siblings_.empty() && name == kJournal)) paths.push_back(entry.path());
  }
  for (const fs::path& path : paths) {
    if (!failure) fs::remove(path, failure);
  }
  if (!failure) return {};
  return Error{ErrorCode::kIo, "cannot remove the earlier output, " + failure.message() + ": " + folder_, Stage::kWrite};
}

Status PartFolder::check_free(const std::vector<std::string>& all, bool overwrite) const {
  const auto num_own = std::count_if(all.begin(), all.end(), [&](const std::string& part) { return owns(part); });
  if (num_own > 0 && !overwrite) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the output already holds {} part files; continue with --resume or replace it with --overwrite: {}",
                    num_own, folder_),
        Stage::kWrite};
  }
  const auto stranger = std::find_if(all.begin(), all.end(),
                                     [&](const std::string& part) { return part.find(siblings_) == std::string::npos; });
  if (stranger == all.end()) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("the output holds parts of a run that was not divided into these shards; continue it with "
                           "--resume, remove it with --overwrite without --shard, or name another folder: {} in {}",
                           *stranger, folder_),
               Stage::kWrite};
}

Status PartFolder::open(const ParquetOptions& options) {
  retry_failed_ = options.retry_failed;
  if (options.num_shards > 1) {
    siblings_ = fmt::format("-of-{}-", options.num_shards);
    part_prefix_ = fmt::format("shard-{}{}", options.shard, siblings_);
  }
  std::error_code failure;
  fs::create_directories(folder_, failure);
  if (failure)
    return Error{ErrorCode::kIo, "cannot make the output folder, " + failure.message() + ": " + folder_, Stage::kWrite};
  std::vector<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder_, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("_" + part_prefix_) && name.ends_with(".tmp")) fs::remove(entry.path(), failure);
    if (is_part(name)) all.push_back(name);
  }
  std::sort(all.begin(), all.end());
  if (!options.resume) {
    SMOL_RETURN_IF_ERROR(check_free(all, options.overwrite));
    return options.overwrite ? remove_own() : Status{};
  }
  for (const std::string& part : all) {
    if (Result<std::int64_t> read = read_keys(part); !read.ok()) {
      // Another shard may have rewritten its part meanwhile.
      if (!owns(part) && !fs::exists(path_of(part), failure)) continue;
      return std::move(read).error();
    }
    if (owns(part)) parts_.push_back(part);
    if (part.starts_with(part_prefix_))
      next_part_ = std::max(next_part_, std::atoi(part.substr(part_prefix_.size()).c_str()) + 1);
  }
  return {};
}

Result<std::int64_t> PartFolder::read_keys(const std::string& part) {
  const auto index = static_cast<std::uint32_t>(earlier_parts_.size());
  earlier_parts_.push_back(part);
  std::int64_t num_rows = 0;
  SMOL_RETURN_IF_ERROR(visit_rows(path_of(part), [&](const RecordedRow& row) {
    ++num_rows;
    recorded_.insert_or_assign(key_of(row.item, row.region, row.plan_hash),
                               Recorded{version_of(row.fingerprint, row.plan_hash), index, row.error});
  }));
  return num_rows;
}

Status PartFolder::write_part(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  if (batches.empty()) return {};
  const std::string name = fmt::format("{}{:06}.parquet", part_prefix_, next_part_);
  const std::string temporary = path_of("_" + name + ".tmp");
  SMOL_RETURN_IF_ERROR(write_part_file(temporary, batches));
  SMOL_RETURN_IF_ERROR(drop_replaced(batches));
  SMOL_RETURN_IF_ERROR(move_into_place(temporary, name));
  ++next_part_;
  parts_.push_back(name);
  std::int64_t num_rows = 0;
  for (const auto& batch : batches) num_rows += batch->num_rows();
  return record(name, num_rows);
}

// Old rows go before new ones come: a run that is killed between does them again, and never leaves both.
Status PartFolder::drop_replaced(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  if (recorded_.empty()) return {};
  std::map<std::uint32_t, Keys> by_part;
  for (const std::shared_ptr<arrow::RecordBatch>& batch : batches) {
    visit_rows(batch, [&](const RecordedRow& row) {
      const Key key = key_of(row.item, row.region, row.plan_hash);
      const auto found = recorded_.find(key);
      if (found != recorded_.end() && replaced_.insert(key).second) by_part[found->second.part].insert(key);
    });
  }
  for (const auto& [part, keys] : by_part) {
    if (!owns(earlier_parts_[part])) {
      return Error{ErrorCode::kInvalidArgument,
                   fmt::format("rows to be replaced lie in a part that another shard may be writing; run with --resume, but "
                               "without --shard, when all shards have ended: {} rows in {}",
                               keys.size(), path_of(earlier_parts_[part])),
                   Stage::kWrite};
    }
  }
  for (const auto& [part, keys] : by_part) SMOL_RETURN_IF_ERROR(drop_rows(earlier_parts_[part], keys));
  return {};
}

Status PartFolder::drop_rows(const std::string& part, const Keys& keys) {
  const std::string temporary = path_of("_" + part + ".tmp");
  SMOL_ASSIGN_OR_RETURN(const std::int64_t kept, copy_rows(path_of(part), temporary, [&](const RecordedRow& row) {
                          return !keys.contains(key_of(row.item, row.region, row.plan_hash));
                        }));
  if (kept > 0) {
    SMOL_RETURN_IF_ERROR(move_into_place(temporary, part));
  } else {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    if (!fs::remove(path_of(part), ignored))
      return Error{ErrorCode::kIo, "cannot remove a part whose rows are replaced: " + path_of(part), Stage::kWrite};
    std::erase(parts_, part);
  }
  return record(part, kept);
}

Status PartFolder::move_into_place(const std::string& temporary, const std::string& part) const {
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path_of(part).c_str()) != 0) {
    return Error{ErrorCode::kIo,
                 fmt::format("cannot rename a part file into place, {}: {}", std::strerror(errno), path_of(part)),
                 Stage::kWrite};
  }
  return sync_path(folder_);
}

Status PartFolder::adopt(const std::string& file) {
  const std::string name = fmt::format("{}{:06}.parquet", part_prefix_, next_part_);
  std::error_code failure;
  fs::rename(file, path_of(name), failure);
  if (failure)
    return Error{ErrorCode::kIo, "cannot move the earlier output into the parts folder, " + failure.message() + ": " + file,
                 Stage::kWrite};
  ++next_part_;
  parts_.push_back(name);
  SMOL_ASSIGN_OR_RETURN(const std::int64_t num_rows, read_keys(name));
  return record(name, num_rows);
}

Status PartFolder::record(const std::string& part, std::int64_t num_rows) const {
  const std::string path = path_of(std::string(kJournal));
  const std::string line = fmt::format("{{\"part\":\"{}\",\"rows\":{}}}\n", part, num_rows);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const bool written =
      file >= 0 && ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  const int why = errno;
  if (file >= 0) ::close(file);
  if (!written)
    return Error{ErrorCode::kIo, fmt::format("cannot record a part in the journal, {}: {}", std::strerror(why), path),
                 Stage::kWrite};
  return {};
}

Status PartFolder::merge_into(const std::string& path) const {
  const std::string temporary = path + ".tmp";
  std::vector<std::string> parts;
  parts.reserve(parts_.size());
  for (const std::string& part : parts_) parts.push_back(path_of(part));
  SMOL_RETURN_IF_ERROR(merge_part_files(parts, temporary));
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot rename the merged file into place, {}: {}", std::strerror(errno), path),
                 Stage::kWrite};
  }
  return {};
}

}  // namespace smol
