#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "smol/source.h"

namespace smol {
namespace {

/// Items named one a line by somebody who may still be writing.
class LineSource final : public Source {
 public:
  LineSource(int descriptor, char separator, std::stop_token stop)
      : descriptor_(descriptor), separator_(separator), stop_(std::move(stop)) {}

  Result<std::optional<Item>> next() override {
    const std::scoped_lock lock(mutex_);
    for (;;) {
      SMOL_ASSIGN_OR_RETURN(std::optional<std::string> line, next_line());
      if (!line) return std::optional<Item>{};
      if (separator_ == '\n' && line->ends_with('\r')) line->pop_back();
      const bool blank = line->find_first_not_of(" \t") == std::string::npos;
      if (blank || (separator_ == '\n' && line->front() == '#')) continue;
      Result<Item> item = item_named(*line);
      Item named = item.ok() ? *std::move(item) : Item{};
      if (!item.ok()) named.error = std::move(item).error();
      named.id = *std::move(line);
      return std::optional(std::move(named));
    }
  }

 private:
  Result<std::optional<std::string>> next_line() {
    for (;;) {
      if (const std::size_t end = pending_.find(separator_, begin_); end != std::string::npos) {
        std::string line = pending_.substr(begin_, end - begin_);
        begin_ = end + 1;
        return std::optional(std::move(line));
      }
      pending_.erase(0, begin_);
      begin_ = 0;
      if (ended_) {
        if (pending_.empty()) return std::optional<std::string>{};
        return std::optional(std::exchange(pending_, {}));
      }
      constexpr std::size_t kLongestLine = 1 << 20;
      if (pending_.size() > kLongestLine) {
        return Error{ErrorCode::kInvalidArgument,
                     "a line of the list of items is longer than 1 MB: " + pending_.substr(0, 80), Stage::kRead};
      }
      SMOL_RETURN_IF_ERROR(read_more());
    }
  }

  // Waits, but not longer than until the run is stopped.
  Status read_more() {
    constexpr int kPatienceMs = 100;
    std::array<char, 16 << 10> bytes{};
    while (!stop_.stop_requested()) {
      pollfd ready{descriptor_, POLLIN, 0};
      const int polled = ::poll(&ready, 1, kPatienceMs);
      if (polled == 0 || (polled < 0 && errno == EINTR)) continue;
      const ssize_t got = ::read(descriptor_, bytes.data(), bytes.size());
      if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (got < 0)
        return Error{ErrorCode::kIo, fmt::format("cannot read the list of items: {}", std::strerror(errno)), Stage::kRead};
      ended_ = got == 0;
      pending_.append(bytes.data(), static_cast<std::size_t>(got));
      return {};
    }
    ended_ = true;
    pending_.clear();
    return {};
  }

  std::mutex mutex_;
  const int descriptor_;
  const char separator_;
  const std::stop_token stop_;
  std::string pending_;
  std::size_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<Source> from_lines(int descriptor, char separator, std::stop_token stop) {
  return std::make_unique<LineSource>(descriptor, separator, std::move(stop));
}

}  // namespace smol
