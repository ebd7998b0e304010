#include <arrow/filesystem/filesystem.h>
#include <arrow/filesystem/s3fs.h>
#include <arrow/io/interfaces.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "source/objects.h"

namespace smol {
namespace {

// What services answer, as text: Arrow's codes tell little apart.
Error error_of(const arrow::Status& status, const std::string& what) {
  const std::string text = status.ToStringWithoutContextLines();
  const auto says = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](auto word) { return text.find(word) != std::string::npos; });
  };
  ErrorCode code = ErrorCode::kIo;
  std::string_view hint;
  if (says({"does not exist", "NO_SUCH", "Path does not", "HTTP status 404", "not found"})) {
    code = ErrorCode::kNotFound;
  } else if (says({"ACCESS_DENIED", "HTTP status 403", "INVALID_ACCESS_KEY", "SIGNATURE_DOES_NOT_MATCH",
                   "HTTP status 401"})) {
    hint = "; the credentials do not allow it (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws)";
  } else if (says({"NETWORK_CONNECTION", "curlCode", "Couldn't connect", "HTTP status 5"})) {
    hint = "; the service does not answer, try again later or check the address";
  } else if (status.IsInvalid()) {
    code = ErrorCode::kInvalidArgument;
  } else if (status.IsNotImplemented()) {
    code = ErrorCode::kNotBuilt;
  } else if (status.IsOutOfMemory()) {
    code = ErrorCode::kOutOfMemory;
  }
  return {code, fmt::format("cannot read from object storage{}: {}, {}", hint, text, what), Stage::kRead};
}

/// Repeats a request that may succeed later, four times within about two seconds.
class Patience final : public arrow::fs::S3RetryStrategy {
 public:
  bool ShouldRetry(const AWSErrorDetail& error, int64_t attempted_retries) override {
    constexpr std::int64_t kMost = 4;
    return error.should_retry && attempted_retries < kMost;
  }
  int64_t CalculateDelayBeforeNextRetry(const AWSErrorDetail&, int64_t attempted_retries) override {
    constexpr std::int64_t kFirstMs = 100;
    return kFirstMs << std::min<std::int64_t>(attempted_retries, 10);
  }
};

arrow::Status (*finalize_s3)() = nullptr;

// Its client library must be ended before what it keeps is torn down at the process's end: in the reverse order of making,
// so this is asked for when the first file system has been made.
void finalize_s3_at_exit() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::atexit([] {
      if (finalize_s3 != nullptr) static_cast<void>(finalize_s3());
    });
  });
}

// S3 is in a library of its own beside Arrow's, which is loaded when the first address asks for it.
Status load_s3() {
  static std::once_flag once;
  static Status loaded;
  std::call_once(once, [] {
    Dl_info library{};
    if (::dladdr(
            reinterpret_cast<const void*>(static_cast<arrow::Status (*)(const char*)>(&arrow::fs::LoadFileSystemFactories)),
            &library) == 0 ||
        library.dli_fname == nullptr) {
      loaded = Error{ErrorCode::kNotBuilt, "Arrow's library cannot be located, so S3 cannot be loaded", Stage::kRead};
      return;
    }
    // libarrow.so.2600 has libarrow_s3.so.2600 beside it.
    const std::filesystem::path own(library.dli_fname);
    std::string name = own.filename().string();
    constexpr std::string_view kStem = "libarrow.so";
    if (name.starts_with(kStem)) name.insert(kStem.find('.'), "_s3");
    const std::string path = (own.parent_path() / name).string();
    std::error_code ignored;
    if (!std::filesystem::exists(path, ignored)) return;  // it may be part of Arrow's own library
    if (const arrow::Status status = arrow::fs::LoadFileSystemFactories(path.c_str()); !status.ok()) {
      loaded =
          Error{ErrorCode::kNotBuilt, fmt::format("S3 cannot be loaded, {}: {}", status.ToString(), path), Stage::kRead};
      return;
    }
    // Named as the linker does: linking with the library would load it into every process.
    if (void* handle = ::dlopen(path.c_str(), RTLD_LAZY | RTLD_NOLOAD); handle != nullptr)
      finalize_s3 = reinterpret_cast<arrow::Status (*)()>(::dlsym(handle, "_ZN5arrow2fs17EnsureS3FinalizedEv"));
  });
  return loaded;
}

class ObjectFile final : public RandomAccess {
 public:
  ObjectFile(std::shared_ptr<arrow::fs::FileSystem> file_system, arrow::fs::FileInfo info, std::string path)
      : file_system_(std::move(file_system)), info_(std::move(info)), path_(std::move(path)) {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::int64_t size_bytes() const override { return info_.size(); }
  [[nodiscard]] std::string fingerprint() const override {
    return fmt::format("{}:{}", info_.size(), info_.mtime().time_since_epoch().count());
  }
  [[nodiscard]] Result<std::int64_t> read_at(std::int64_t offset, std::span<std::uint8_t> bytes) const override {
    const std::int64_t begin = std::clamp<std::int64_t>(offset, 0, size_bytes());
    const std::int64_t size = std::min(std::ssize(bytes), size_bytes() - begin);
    if (size == 0) return std::int64_t{0};
    std::call_once(opened_, [this] { file_ = file_system_->OpenInputFile(info_); });
    if (!file_.ok()) return error_of(file_.status(), path_);
    const arrow::Result<std::int64_t> got = (*file_)->ReadAt(begin, size, bytes.data());
    if (!got.ok()) return error_of(got.status(), path_);
    return *got;
  }

 private:
  std::shared_ptr<arrow::fs::FileSystem> file_system_;
  arrow::fs::FileInfo info_;
  std::string path_;
  mutable std::once_flag opened_;
  mutable arrow::Result<std::shared_ptr<arrow::io::RandomAccessFile>> file_ = arrow::Status::Invalid("not opened");
};

class ObjectList final : public Objects {
 public:
  ObjectList(std::shared_ptr<arrow::fs::FileSystem> file_system, std::string base, std::string address)
      : file_system_(std::move(file_system)), base_(std::move(base)), address_(std::move(address)) {}

  Status list() {
    const arrow::Result<arrow::fs::FileInfo> named = file_system_->GetFileInfo(base_);
    if (!named.ok()) return error_of(named.status(), address_);
    if (named->IsFile()) {
      is_one_ = true;
      add(*named, named->base_name());
      return {};
    }
    arrow::fs::FileSelector selector;
    selector.base_dir = base_;
    selector.recursive = true;
    arrow::Result<arrow::fs::FileInfoVector> found = file_system_->GetFileInfo(selector);
    if (!found.ok()) return error_of(found.status(), address_);
    std::sort(found->begin(), found->end(), arrow::fs::FileInfo::ByPath{});
    const std::size_t skip = base_.empty() || base_.ends_with('/') ? base_.size() : base_.size() + 1;
    for (const arrow::fs::FileInfo& info : *found) {
      if (info.IsFile() && info.path().size() > skip) add(info, info.path().substr(skip));
    }
    return {};
  }

  [[nodiscard]] bool is_one() const override { return is_one_; }
  [[nodiscard]] const ArchiveIndex& index() const override { return index_; }
  [[nodiscard]] std::shared_ptr<const RandomAccess> open(std::int64_t object) const override {
    const std::string name(index_.name_of(object));
    arrow::fs::FileInfo info(is_one_ ? base_ : base_ + (base_.empty() || base_.ends_with('/') ? "" : "/") + name,
                             arrow::fs::FileType::File);
    info.set_size(index_[object].size_bytes);
    info.set_mtime(arrow::fs::TimePoint(std::chrono::nanoseconds(index_[object].stamp)));
    const std::string plain = address_.substr(0, address_.find('?'));
    std::string path = is_one_ ? plain : plain + (plain.ends_with('/') ? "" : "/") + name;
    return std::make_shared<ObjectFile>(file_system_, std::move(info), std::move(path));
  }

 private:
  void add(const arrow::fs::FileInfo& info, const std::string& name) {
    ArchiveIndex::Member member;
    member.size_bytes = member.stored_bytes = info.size();
    member.stamp = info.mtime().time_since_epoch().count();
    index_.add(name, member);
  }

  std::shared_ptr<arrow::fs::FileSystem> file_system_;
  std::string base_, address_;
  ArchiveIndex index_;
  bool is_one_ = false;
};

}  // namespace

Result<std::shared_ptr<const Objects>> list_objects(const std::string& address) {
  arrow::fs::FileSystemFactoryOptions options;
  if (address.starts_with("s3://")) {
    SMOL_RETURN_IF_ERROR(load_s3());
    options.emplace_back("retry_strategy", std::shared_ptr<arrow::fs::S3RetryStrategy>(std::make_shared<Patience>()));
  }
  std::string base;
  arrow::Result<std::shared_ptr<arrow::fs::FileSystem>> opened =
      arrow::fs::FileSystemFromUriAndOptions(address, options, &base);
  if (finalize_s3 != nullptr) finalize_s3_at_exit();
  if (!opened.ok()) return error_of(opened.status(), address);
  auto objects = std::make_shared<ObjectList>(*opened, base, address);
  SMOL_RETURN_IF_ERROR(objects->list());
  return std::shared_ptr<const Objects>(std::move(objects));
}

}  // namespace smol
