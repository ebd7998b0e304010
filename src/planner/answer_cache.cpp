#include "planner/answer_cache.h"

#include <fmt/format.h>

#include <charconv>
#include <filesystem>

#include "base/digest.h"
#include "base/text_file.h"

namespace smol {
namespace {

constexpr std::string_view kHeader = "smol answers 1 ";

std::string join(std::string_view item, std::string_view region, std::string_view fingerprint) {
  std::string entry;
  for (const std::string_view part : {item, region, fingerprint}) {
    for (const char c : part) {
      if (c == '\\' || c == '\n' || c == '\t') entry += '\\';
      entry += c == '\n' ? 'n' : c == '\t' ? 't' : c;
    }
    entry += '\t';
  }
  return entry;
}

}  // namespace

// A line: "item\tregion\tfingerprint\tlabel", each of the first three escaped. The entry up to the label is the map's key.
AnswerCache::AnswerCache(const std::string& folder, std::string_view key) : key_(key) {
  if (folder.empty()) return;
  path_ = (std::filesystem::path(folder) / ("answers-" + digest_of(key).substr(5) + ".tsv")).string();
  const Result<std::string> text = read_text_file(path_);
  if (!text.ok()) return;
  std::string_view rest = *text;
  const auto next_line = [&rest] {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return line;
  };
  if (next_line() != std::string(kHeader) + key_) return;
  while (!rest.empty()) {
    const std::string_view line = next_line();
    const std::size_t last = line.rfind('\t');
    int label = 0;
    if (last == std::string_view::npos) continue;
    const auto [end, error] = std::from_chars(line.data() + last + 1, line.data() + line.size(), label);
    if (error == std::errc() && end == line.data() + line.size()) labels_.emplace(line.substr(0, last + 1), label);
  }
}

const int* AnswerCache::find(std::string_view item, std::string_view region, std::string_view fingerprint) const {
  const auto found = labels_.find(join(item, region, fingerprint));
  return found == labels_.end() ? nullptr : &found->second;
}

void AnswerCache::add(std::string_view item, std::string_view region, std::string_view fingerprint, int label) {
  if (path_.empty()) return;
  labels_[join(item, region, fingerprint)] = label;
  changed_ = true;
}

Status AnswerCache::save() {
  if (!changed_) return {};
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), error);
  if (error) return Error{ErrorCode::kIo, "cannot make the cache folder (" + error.message() + "): " + path_};
  std::string text = std::string(kHeader) + key_ + "\n";
  for (const auto& [entry, label] : labels_) text += fmt::format("{}{}\n", entry, label);
  SMOL_RETURN_IF_ERROR(write_text_file(path_, text));
  changed_ = false;
  return {};
}

}  // namespace smol
