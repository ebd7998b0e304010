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

#include "base/text_file.h"
#include "engine/part_file.h"

namespace smol {
namespace {
namespace fs = std::filesystem;

// Readers of Parquet folders pass over names that begin with an underscore.
constexpr std::string_view kJournal = "_journal.jsonl";

}  // namespace

PartFolder::Key PartFolder::key_of(std::string_view item, std::string_view region, std::string_view fingerprint,
                                   std::string_view plan_hash) {
  std::string text;
  for (std::string_view field : {item, region, fingerprint, plan_hash}) {
    text += field;
    text += '\0';
  }
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.low64, hash.high64};
}

bool PartFolder::has(std::string_view item, std::string_view region, std::string_view fingerprint,
                     std::string_view plan_hash) const {
  return !done_.empty() && done_.contains(key_of(item, region, fingerprint, plan_hash));
}

Status PartFolder::open(bool resume) {
  std::error_code failure;
  fs::create_directories(folder_, failure);
  if (failure)
    return Error{ErrorCode::kIo, "cannot make the output folder, " + failure.message() + ": " + folder_, Stage::kWrite};
  for (const auto& entry : fs::directory_iterator(folder_, failure)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("_" + part_prefix_) && name.ends_with(".tmp")) fs::remove(entry.path(), failure);
    if (!name.starts_with(part_prefix_)) continue;
    if (name.ends_with(".parquet")) {
      parts_.push_back(name);
    }
  }
  std::sort(parts_.begin(), parts_.end());
  if (!parts_.empty() && !resume) {
    return Error{
        ErrorCode::kInvalidArgument,
        fmt::format("the output already holds {} part files; continue with --resume or replace it with --overwrite: {}",
                    parts_.size(), folder_),
        Stage::kWrite};
  }
  for (const std::string& part : parts_) {
    SMOL_RETURN_IF_ERROR(read_keys(part));
    const std::string number = part.substr(part_prefix_.size());
    next_part_ = std::max(next_part_, std::atoi(number.c_str()) + 1);
  }
  return {};
}

Status PartFolder::read_keys(const std::string& part) {
  const std::string path = (fs::path(folder_) / part).string();
  return visit_rows(
      path, [&](const RecordedRow& row) { done_.insert(key_of(row.item, row.region, row.fingerprint, row.plan_hash)); });
}

Status PartFolder::write_part(const std::vector<std::shared_ptr<arrow::RecordBatch>>& batches) {
  if (batches.empty()) return {};
  const std::string name = fmt::format("{}{:06}.parquet", part_prefix_, next_part_);
  const std::string path = (fs::path(folder_) / name).string();
  const std::string temporary = (fs::path(folder_) / ("_" + name + ".tmp")).string();
  SMOL_RETURN_IF_ERROR(write_part_file(temporary, batches));
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot rename a part file into place, {}: {}", std::strerror(errno), path),
                 Stage::kWrite};
  }
  SMOL_RETURN_IF_ERROR(sync_path(folder_));
  ++next_part_;
  parts_.push_back(name);
  std::int64_t num_rows = 0;
  for (const auto& batch : batches) num_rows += batch->num_rows();
  return record(name, num_rows);
}

Status PartFolder::adopt(const std::string& file) {
  const std::string name = fmt::format("{}{:06}.parquet", part_prefix_, next_part_);
  std::error_code failure;
  fs::rename(file, fs::path(folder_) / name, failure);
  if (failure)
    return Error{ErrorCode::kIo, "cannot move the earlier output into the parts folder, " + failure.message() + ": " + file,
                 Stage::kWrite};
  ++next_part_;
  parts_.push_back(name);
  SMOL_RETURN_IF_ERROR(read_keys(name));
  return record(name, static_cast<std::int64_t>(done_.size()));
}

Status PartFolder::record(const std::string& part, std::int64_t num_rows) const {
  const std::string path = (fs::path(folder_) / kJournal).string();
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
  for (const std::string& part : parts_) parts.push_back((fs::path(folder_) / part).string());
  SMOL_RETURN_IF_ERROR(merge_part_files(parts, temporary));
  SMOL_RETURN_IF_ERROR(sync_path(temporary));
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kIo, fmt::format("cannot rename the merged file into place, {}: {}", std::strerror(errno), path),
                 Stage::kWrite};
  }
  return {};
}

}  // namespace smol
