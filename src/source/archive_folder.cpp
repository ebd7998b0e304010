#include "source/archive_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "source/archive.h"

namespace smol {
namespace {

constexpr std::size_t kMaxNames = 1'000'000;

Error bad_braces(std::string_view what, const std::string& pattern) {
  return {ErrorCode::kInvalidArgument, fmt::format("{}; allowed are {{0000..0009}} and {{train,val}}: {}", what, pattern),
          Stage::kRead};
}

bool parse_number(std::string_view text, std::int64_t& value) {
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && text.front() != '-' && failure == std::errc{} && end == text.data() + text.size();
}

// What stands between two braces, spelled out; numbers are as wide as the first.
Result<std::vector<std::string>> alternatives_of(std::string_view inside, const std::string& pattern) {
  std::vector<std::string> words;
  if (const std::size_t dots = inside.find(".."); dots != std::string_view::npos) {
    std::int64_t first = 0, last = 0;
    const std::string_view begin = inside.substr(0, dots), end = inside.substr(dots + 2);
    if (!parse_number(begin, first) || !parse_number(end, last) || last < first)
      return bad_braces("a range in braces goes from a number to one not smaller", pattern);
    if (static_cast<std::size_t>(last - first) >= kMaxNames)
      return bad_braces("braces stand for at most a million names", pattern);
    for (std::int64_t number = first; number <= last; ++number)
      words.push_back(fmt::format("{:0{}}", number, begin.starts_with('0') ? begin.size() : 1));
    return words;
  }
  for (std::size_t begin = 0; begin <= inside.size();) {
    const std::size_t end = std::min(inside.find(',', begin), inside.size());
    words.emplace_back(inside.substr(begin, end - begin));
    begin = end + 1;
  }
  return words;
}

/// Several stores one after another.
class Chain final : public Store {
 public:
  void add(std::shared_ptr<const Store> store) {
    begins_.push_back(size_);
    size_ += store->size();
    stores_.push_back(std::move(store));
  }
  [[nodiscard]] std::int64_t size() const override { return size_; }
  [[nodiscard]] bool holds_only_pictures() const override {
    return std::all_of(stores_.begin(), stores_.end(), [](const auto& store) { return store->holds_only_pictures(); });
  }
  [[nodiscard]] bool reads_cheaply() const override {
    return std::all_of(stores_.begin(), stores_.end(), [](const auto& store) { return store->reads_cheaply(); });
  }
  [[nodiscard]] std::vector<int> labels() const override {
    std::vector<int> all;
    bool any = false;
    for (const std::shared_ptr<const Store>& store : stores_) {
      std::vector<int> own = store->labels();
      any |= !own.empty();
      own.resize(static_cast<std::size_t>(store->size()), -1);
      all.insert(all.end(), own.begin(), own.end());
    }
    return any ? all : std::vector<int>{};
  }
  [[nodiscard]] std::string id_of(std::int64_t member) const override {
    const auto [store, place] = find(member);
    return store->id_of(place);
  }
  [[nodiscard]] std::string path_of(std::int64_t member) const override {
    const auto [store, place] = find(member);
    return store->path_of(place);
  }
  [[nodiscard]] Facts facts_of(std::int64_t member) const override {
    const auto [store, place] = find(member);
    return store->facts_of(place);
  }
  Status read_range(std::int64_t member, std::int64_t offset, std::int64_t length,
                    std::vector<std::uint8_t>& buffer) const override {
    const auto [store, place] = find(member);
    return store->read_range(place, offset, length, buffer);
  }

 private:
  [[nodiscard]] std::pair<const Store*, std::int64_t> find(std::int64_t member) const {
    const auto next = std::upper_bound(begins_.begin(), begins_.end(), member);
    const auto at = static_cast<std::size_t>(next - begins_.begin()) - 1;
    return {stores_[at].get(), member - begins_[at]};
  }

  std::vector<std::shared_ptr<const Store>> stores_;
  std::vector<std::int64_t> begins_;
  std::int64_t size_ = 0;
};

/// Stands for an archive that cannot be read.
class Unreadable final : public Store {
 public:
  Unreadable(std::string id, std::string path, Error error)
      : id_(std::move(id)), path_(std::move(path)), error_(std::move(error)) {}
  [[nodiscard]] std::int64_t size() const override { return 1; }
  [[nodiscard]] bool holds_only_pictures() const override { return true; }
  [[nodiscard]] std::string id_of(std::int64_t) const override { return id_ + "!(damaged)"; }
  [[nodiscard]] std::string path_of(std::int64_t) const override { return path_; }
  [[nodiscard]] Facts facts_of(std::int64_t) const override { return {0, "missing"}; }
  Status read_range(std::int64_t, std::int64_t, std::int64_t, std::vector<std::uint8_t>&) const override { return error_; }

 private:
  std::string id_, path_;
  Error error_;
};

}  // namespace

Result<std::vector<std::string>> expand_braces(const std::string& pattern) {
  std::vector<std::string> names{""};
  std::size_t position = 0;
  if (pattern.find('{') == std::string::npos) return std::vector<std::string>{};
  while (position < pattern.size()) {
    const std::size_t open = std::min(pattern.find('{', position), pattern.size());
    const std::string literal = pattern.substr(position, open - position);
    std::vector<std::string> words{""};
    position = open;
    if (open < pattern.size()) {
      const std::size_t close = pattern.find('}', open);
      if (close == std::string::npos) return bad_braces("a brace is not closed", pattern);
      SMOL_ASSIGN_OR_RETURN(words, alternatives_of(std::string_view(pattern).substr(open + 1, close - open - 1), pattern));
      position = close + 1;
    }
    if (names.size() * words.size() > kMaxNames) return bad_braces("braces stand for at most a million names", pattern);
    std::vector<std::string> longer;
    longer.reserve(names.size() * words.size());
    for (const std::string& name : names) {
      for (const std::string& word : words) longer.push_back(name + literal + word);
    }
    names = std::move(longer);
  }
  return names;
}

bool is_container_name(std::string_view name) { return is_archive_name(name) || name.ends_with(".parquet"); }

Result<std::shared_ptr<const Store>> open_container(std::shared_ptr<const RandomAccess> file, const std::string& id_prefix,
                                                    const TableColumns& columns) {
  if (std::string_view(file->path()).ends_with(".parquet")) return open_table(std::move(file), id_prefix, columns);
  return open_archive(std::move(file), id_prefix);
}

Result<std::shared_ptr<const Store>> open_containers(
    const std::vector<std::string>& names,
    const std::function<Result<std::shared_ptr<const RandomAccess>>(std::size_t name)>& open, const TableColumns& columns) {
  auto chain = std::make_shared<Chain>();
  for (std::size_t i = 0; i < names.size(); ++i) {
    Result<std::shared_ptr<const RandomAccess>> opened = open(i);
    // A shard that was named and is not there is the user's slip, not damage.
    if (!opened.ok() && opened.error().code == ErrorCode::kNotFound) return std::move(opened).error();
    Result<std::shared_ptr<const Store>> held =
        opened.ok() ? open_container(*opened, names[i], columns) : Result<std::shared_ptr<const Store>>(opened.error());
    if (held.ok()) {
      chain->add(*std::move(held));
    } else if (held.error().code == ErrorCode::kInvalidArgument || held.error().code == ErrorCode::kNotBuilt) {
      return std::move(held).error();  // of all alike: a column that is not there
    } else {
      chain->add(std::make_shared<Unreadable>(names[i], names[i], std::move(held).error()));
    }
  }
  return std::shared_ptr<const Store>(std::move(chain));
}

}  // namespace smol
