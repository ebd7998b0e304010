#pragma once
#include <yaml-cpp/yaml.h>

#include <string>
#include <string_view>
#include <vector>

#include "smol/result.h"

namespace smol {

/// "WHERE, line 3: message".
[[nodiscard]] Error yaml_error(const YAML::Node& node, const std::string& where, const std::string& message);

/// Parses YAML text whose root must be a mapping. `where` names the text in messages ("model card a.yaml").
[[nodiscard]] Result<YAML::Node> parse_yaml_mapping(std::string_view text, const std::string& where);

/// Reads the keys of one mapping strictly: every key that is read becomes an allowed one, and finish() reports the first
/// problem met: a value of the wrong kind, a missing key, or a key that nobody asked for, with its line and those allowed. A
/// misspelt key goes before the others.
/// After a problem further reads do nothing, so that a parser is a plain list of reads. Not thread-safe.
class YamlFields {
 public:
  /// `mapping` may be undefined (an absent section): then every read leaves its default.
  YamlFields(const YAML::Node& mapping, std::string where);

  [[nodiscard]] bool has(const std::string& key);
  /// Leaves `value` alone when the key is absent.
  template <typename T>
  void read(const std::string& key, T& value) {
    const YAML::Node node = child(key);
    if (!node.IsDefined() || !status_.ok()) return;
    try {
      value = node.as<T>();
    } catch (const YAML::Exception&) {
      fail(node, "wrong kind of value for '" + key + "'");
    }
  }
  template <typename T>
  void require(const std::string& key, T& value) {
    if (!has(key)) fail(mapping_, "missing key '" + key + "'");
    read(key, value);
  }
  /// For words: `parse` turns the text into a value or an error.
  template <typename T, typename Parse>
  void read_word(const std::string& key, T& value, Parse parse) {
    if (!has(key)) return;
    std::string word;
    read(key, word);
    if (!status_.ok()) return;
    auto parsed = parse(word);
    if (parsed.ok()) {
      value = *std::move(parsed);
    } else {
      fail(child(key), "'" + key + "': " + parsed.error().message);
    }
  }
  /// The value of `key`, undefined when absent.
  [[nodiscard]] YAML::Node child(const std::string& key);
  /// Records a problem at `node`'s line, unless there is one already.
  void fail(const YAML::Node& node, const std::string& message);
  [[nodiscard]] bool ok() const { return status_.ok(); }
  [[nodiscard]] Status finish();

 private:
  /// Whether it resembles an allowed key that is not there.
  [[nodiscard]] bool is_misspelt(const std::string& key);

  YAML::Node mapping_;
  std::string where_;
  std::vector<std::string> allowed_;
  Status status_;
};

/// A string as a value in YAML. Those with control characters are quoted: YAML-CPP writes a carriage return as it is, and
/// reads it as white space.
struct YamlText {
  const std::string& text;
};
YAML::Emitter& operator<<(YAML::Emitter& out, YamlText value);

}  // namespace smol
