#include "source/http_client.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "base/library_folder.h"

namespace smol {
namespace {

Result<const HttpClient*> load() {
  const std::string file = (library_folder() / "libsmol_http.so").string();
  const std::string remedy = "install libcurl (Debian: libcurl4) and build smol with it";
  // Stays loaded for the life of the process: its code is called until then.
  void* const library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const reason = ::dlerror();
    return Error{ErrorCode::kNotBuilt,
                 fmt::format("web addresses cannot be read here; {}: {}", remedy, reason != nullptr ? reason : file.c_str()),
                 Stage::kRead};
  }
  const auto find = reinterpret_cast<HttpClientFunction>(::dlsym(library, kHttpClientSymbol));
  const HttpClient* const client = find != nullptr ? find() : nullptr;
  if (client == nullptr)
    return Error{ErrorCode::kNotBuilt,
                 fmt::format("the plug-in for web addresses is of another version; {}: {}", remedy, file), Stage::kRead};
  return client;
}

class WebFile final : public RandomAccess {
 public:
  WebFile(const HttpClient& client, std::string address, HttpFacts facts)
      : client_(client),
        address_(std::move(address)),
        path_(address_.substr(0, address_.find('?'))),
        facts_(std::move(facts)) {}
  [[nodiscard]] const std::string& path() const override { return path_; }
  [[nodiscard]] std::int64_t size_bytes() const override { return facts_.size_bytes; }
  [[nodiscard]] std::string fingerprint() const override { return facts_.fingerprint; }
  [[nodiscard]] Result<std::int64_t> read_at(std::int64_t offset, std::span<std::uint8_t> bytes) const override {
    const std::int64_t begin = std::clamp<std::int64_t>(offset, 0, size_bytes());
    const std::int64_t size = std::min(std::ssize(bytes), size_bytes() - begin);
    if (size == 0) return std::int64_t{0};
    std::vector<std::uint8_t> got;
    SMOL_RETURN_IF_ERROR(client_.get(address_, begin, size, got));
    std::copy(got.begin(), got.end(), bytes.begin());
    return std::ssize(got);
  }

 private:
  const HttpClient& client_;
  std::string address_, path_;
  HttpFacts facts_;
};

class WebPictures final : public Store {
 public:
  WebPictures(const HttpClient& client, std::vector<std::string> addresses)
      : client_(client), addresses_(std::move(addresses)) {}
  [[nodiscard]] std::int64_t size() const override { return std::ssize(addresses_); }
  [[nodiscard]] bool holds_only_pictures() const override { return true; }
  [[nodiscard]] bool reads_cheaply() const override { return false; }
  [[nodiscard]] std::string id_of(std::int64_t member) const override {
    return addresses_[static_cast<std::size_t>(member)];
  }
  [[nodiscard]] std::string path_of(std::int64_t member) const override { return id_of(member); }
  [[nodiscard]] Facts facts_of(std::int64_t member) const override {
    {
      const std::scoped_lock lock(mutex_);
      if (const auto known = known_.find(member); known != known_.end()) return known->second;
    }
    // The row says what is wrong when reading fails, too; a resumed run asks again.
    const Result<HttpFacts> asked = client_.facts(id_of(member));
    if (!asked.ok()) return {-1, "missing"};
    Facts facts{asked->size_bytes, asked->fingerprint};
    // Asked for before and after reading, by a few threads at a time.
    constexpr std::size_t kKept = 4096;
    const std::scoped_lock lock(mutex_);
    if (known_.size() >= kKept) known_.clear();
    known_[member] = facts;
    return facts;
  }
  Status read_range(std::int64_t member, std::int64_t offset, std::int64_t length,
                    std::vector<std::uint8_t>& buffer) const override {
    return client_.get(id_of(member), offset, length, buffer);
  }

 private:
  const HttpClient& client_;
  std::vector<std::string> addresses_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<std::int64_t, Facts> known_;
};

}  // namespace

bool is_web_address(std::string_view name) { return name.starts_with("http://") || name.starts_with("https://"); }

Result<const HttpClient*> http_client() {
  static const Result<const HttpClient*> loaded = load();
  return loaded;
}

Result<std::shared_ptr<const RandomAccess>> open_web_file(const std::string& address) {
  SMOL_ASSIGN_OR_RETURN(const HttpClient* client, http_client());
  SMOL_ASSIGN_OR_RETURN(HttpFacts facts, client->facts(address));
  if (facts.size_bytes < 0 || !facts.takes_ranges) {
    return Error{ErrorCode::kUnsupported,
                 "the server does not give parts of this file, which archives and tables need; download it: " + address,
                 Stage::kRead};
  }
  return std::shared_ptr<const RandomAccess>(std::make_shared<WebFile>(*client, address, std::move(facts)));
}

Result<std::shared_ptr<const Store>> open_web_pictures(std::vector<std::string> addresses) {
  SMOL_ASSIGN_OR_RETURN(const HttpClient* client, http_client());
  return std::shared_ptr<const Store>(std::make_shared<WebPictures>(*client, std::move(addresses)));
}

}  // namespace smol
