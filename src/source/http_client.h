#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "source/random_access.h"
#include "source/store.h"

namespace smol {

/// What a web server says of an address without sending it.
struct HttpFacts {
  std::int64_t size_bytes = -1;  ///< -1: it does not say
  std::string fingerprint;       ///< entity tag, else time of modification with the size; "unknown" without any
  bool takes_ranges = false;
};

/// Reads addresses, repeating what may succeed later: 429, 5xx and broken connections, four times with growing pauses. Waits
/// at most SMOL_HTTP_TIMEOUT_S seconds (default 30) for a server that sends nothing; follows 5 redirects. Thread-safe;
/// connections are kept, one a thread.
class HttpClient {
 public:
  HttpClient() = default;
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  virtual ~HttpClient() = default;

  [[nodiscard]] virtual Result<HttpFacts> facts(const std::string& address) const = 0;
  /// Bytes [offset, offset + length), fewer where it ends. kNotFound, kIo, kTimeout, kLimitExceeded.
  virtual Status get(const std::string& address, std::int64_t offset, std::int64_t length,
                     std::vector<std::uint8_t>& buffer) const = 0;
};

inline constexpr const char* kHttpClientSymbol = "smol_http_client_v1";
using HttpClientFunction = const HttpClient* (*)();

/// The client of the plug-in; kNotBuilt when it is not there, with the remedy.
[[nodiscard]] Result<const HttpClient*> http_client();
[[nodiscard]] bool is_web_address(std::string_view name);
/// A file on a web server that must be read at any offset. kUnsupported when the server does not allow it.
[[nodiscard]] Result<std::shared_ptr<const RandomAccess>> open_web_file(const std::string& address);
/// Pictures by their addresses, which are their ids.
[[nodiscard]] Result<std::shared_ptr<const Store>> open_web_pictures(std::vector<std::string> addresses);

}  // namespace smol
