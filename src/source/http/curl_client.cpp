#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <string_view>
#include <thread>

#include "source/http_client.h"

namespace smol {
namespace {

constexpr long kNoContent = 0, kOk = 200, kPartial = 206, kRangeBehindEnd = 416;

int timeout_s() {
  constexpr int kDefault = 30, kLongest = 3600;
  const char* const given = std::getenv("SMOL_HTTP_TIMEOUT_S");
  const int seconds = given == nullptr ? kDefault : std::atoi(given);
  return seconds >= 1 && seconds <= kLongest ? seconds : kDefault;
}

/// One request: what is asked and what was answered.
struct Request {
  std::string address;
  bool head = false;
  std::int64_t offset = 0, length = 0;
  std::vector<std::uint8_t>* body = nullptr;
  // The answer.
  long status = kNoContent;
  std::int64_t size_bytes = -1;  ///< of the whole, where the server says it
  std::int64_t skipped = 0;      ///< of a server that sends all from the beginning
  std::string entity_tag{}, modified{};
  bool takes_ranges = false, full = false, out_of_memory = false;
  std::chrono::milliseconds retry_after{0};
};

std::int64_t number_of(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc{} ? value : -1;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

bool same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

std::size_t take_header(const char* data, std::size_t size, std::size_t count, void* user) {
  Request& request = *static_cast<Request*>(user);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // of a redirect's target: what was said before is not of it
    request.size_bytes = -1;
    request.entity_tag.clear(), request.modified.clear();
    request.takes_ranges = false;
    request.status = number_of(trimmed(line.substr(std::min(line.find(' '), line.size()))));
    return line.size();
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  const std::string_view name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (same_word(name, "content-length") && request.size_bytes < 0 && request.status != kPartial)
    request.size_bytes = number_of(value);
  if (same_word(name, "content-range") && value.find('/') != std::string_view::npos)
    request.size_bytes = number_of(value.substr(value.find('/') + 1));
  if (same_word(name, "etag")) request.entity_tag = value;
  if (same_word(name, "last-modified")) request.modified = value;
  if (same_word(name, "accept-ranges")) request.takes_ranges = same_word(value, "bytes");
  if (same_word(name, "retry-after"))
    request.retry_after = std::chrono::seconds(std::clamp<std::int64_t>(number_of(value), 0, 10));
  return line.size();
}

std::size_t take_body(const char* data, std::size_t size, std::size_t count, void* user) try {
  Request& request = *static_cast<Request*>(user);
  const std::size_t total = size * count;
  if (request.status != kOk && request.status != kPartial) return total;  // the server's apology
  std::string_view bytes(data, total);
  if (request.status == kOk) {
    const auto skip =
        static_cast<std::size_t>(std::clamp<std::int64_t>(request.offset - request.skipped, 0, std::ssize(bytes)));
    request.skipped += static_cast<std::int64_t>(skip);
    bytes.remove_prefix(skip);
  }
  const std::int64_t room = request.length - std::ssize(*request.body);
  if (room < std::ssize(bytes)) {
    bytes = bytes.substr(0, static_cast<std::size_t>(room));
    request.full = true;
  }
  request.body->insert(request.body->end(), bytes.begin(), bytes.end());
  return request.full ? 0 : total;  // ends the transfer
} catch (const std::bad_alloc&) {
  static_cast<Request*>(user)->out_of_memory = true;
  return 0;
}

class CurlHandle {
 public:
  CurlHandle() : handle_(curl_easy_init()) {}
  CurlHandle(const CurlHandle&) = delete;
  CurlHandle& operator=(const CurlHandle&) = delete;
  ~CurlHandle() { curl_easy_cleanup(handle_); }
  [[nodiscard]] CURL* get() const { return handle_; }

 private:
  CURL* handle_;
};

CURLcode perform(CURL* curl, Request& request) {
  curl_easy_reset(curl);  // keeps connections
  curl_easy_setopt(curl, CURLOPT_URL, request.address.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(timeout_s()));
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, static_cast<long>(timeout_s()));
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "smol");
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &request);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &request);
  if (request.head) curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
  const std::string range = fmt::format("{}-{}", request.offset, request.offset + request.length - 1);
  if (!request.head && (request.offset > 0 || request.length < Source::kToTheEnd))
    curl_easy_setopt(curl, CURLOPT_RANGE, range.c_str());
  const CURLcode result = curl_easy_perform(curl);
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &request.status);
  return result;
}

bool may_succeed_later(CURLcode result, const Request& request) {
  if (request.full || request.out_of_memory) return false;
  switch (result) {
    case CURLE_OK:
      return request.status == 429 || request.status == 408 || request.status / 100 == 5;
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return true;
    default:
      return false;
  }
}

Error error_of(CURLcode result, const Request& request) {
  const auto make = [&](ErrorCode code, std::string_view what) {
    return Error{code, fmt::format("cannot read the address, {}: {}", what, request.address), Stage::kRead};
  };
  if (request.out_of_memory) return make(ErrorCode::kOutOfMemory, "not enough memory");
  if (request.full) return make(ErrorCode::kLimitExceeded, "it is larger than the limit of 2 GB");
  if (result == CURLE_OPERATION_TIMEDOUT) {
    return make(ErrorCode::kTimeout, fmt::format("the server sent nothing for {} s (SMOL_HTTP_TIMEOUT_S)", timeout_s()));
  }
  if (result == CURLE_TOO_MANY_REDIRECTS) return make(ErrorCode::kIo, "it redirects more than 5 times");
  if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL)
    return make(ErrorCode::kInvalidArgument, curl_easy_strerror(result));
  if (result != CURLE_OK) return make(ErrorCode::kIo, curl_easy_strerror(result));
  const std::string answer = fmt::format("the server answers {}", request.status);
  if (request.status == 404 || request.status == 410) return make(ErrorCode::kNotFound, answer);
  if (request.status == 401 || request.status == 403) return make(ErrorCode::kIo, answer + ", which means no permission");
  return make(ErrorCode::kIo, answer);
}

/// libcurl, with a handle a thread.
class CurlClient final : public HttpClient {
 public:
  CurlClient() { curl_global_init(CURL_GLOBAL_DEFAULT); }

  [[nodiscard]] Result<HttpFacts> facts(const std::string& address) const override {
    std::vector<std::uint8_t> ignored;
    Request request{.address = address, .head = true, .body = &ignored};
    Status asked = ask(request);
    if (request.status == 405 || request.status == 501) {  // some servers do not know HEAD
      request = {.address = address, .length = 1, .body = &ignored};
      asked = ask(request);
      request.takes_ranges = request.status == kPartial;
    }
    if (!asked.ok()) return std::move(asked).error();
    HttpFacts facts{request.size_bytes, "unknown", request.takes_ranges};
    if (!request.entity_tag.empty()) {
      facts.fingerprint = fmt::format("{}:{}", request.size_bytes, request.entity_tag);
    } else if (!request.modified.empty()) {
      facts.fingerprint = fmt::format("{}:{}", request.size_bytes, request.modified);
    } else if (request.size_bytes >= 0) {
      facts.fingerprint = fmt::format("{}:unknown", request.size_bytes);
    }
    return facts;
  }

  Status get(const std::string& address, std::int64_t offset, std::int64_t length,
             std::vector<std::uint8_t>& buffer) const override {
    size_buffer(buffer, 0);
    if (length == 0) return {};
    Request request{.address = address, .offset = offset, .length = length, .body = &buffer};
    Status got = ask(request);
    const auto size = std::ssize(buffer);
    if (!got.ok() && request.status == kRangeBehindEnd) {
      buffer.clear();
      got = {};
    }
    size_buffer(buffer, size > 0 && got.ok() ? size : 0);
    return got;
  }

 private:
  static Status ask(Request& request) {
    thread_local const CurlHandle handle;
    if (handle.get() == nullptr) return Error{ErrorCode::kOutOfMemory, "not enough memory for a connection", Stage::kRead};
    constexpr int kMostRepeats = 4;
    std::chrono::milliseconds pause{100};
    for (int attempt = 0;; ++attempt) {
      request.body->clear();
      request.skipped = 0;
      request.full = false;
      const CURLcode result = perform(handle.get(), request);
      // A part was asked for of a server that sends all: enough is enough.
      const bool enough = request.full && request.length < Source::kToTheEnd;
      if ((result == CURLE_OK || enough) && (request.status == kOk || request.status == kPartial)) return {};
      if (attempt == kMostRepeats || !may_succeed_later(result, request)) return error_of(result, request);
      std::this_thread::sleep_for(std::max(pause, request.retry_after));
      pause *= 2;
    }
  }
};

}  // namespace
}  // namespace smol

extern "C" __attribute__((visibility("default"))) const smol::HttpClient* smol_http_client_v1() {
  static const smol::CurlClient client;
  return &client;
}
