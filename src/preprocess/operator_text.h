#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "smol/preprocess.h"

namespace smol {

/// The shortest decimal text that parses back to the same float: "0.485", "123.675".
[[nodiscard]] std::string shortest_text(float value);

/// "name(a, key=b, list=[1,2])" taken apart. Views into the parsed text.
struct CallText {
  struct Argument {
    std::string_view key;  ///< empty when positional
    std::string_view value;
  };
  std::string_view name;
  std::vector<Argument> arguments;
};
/// kInvalidArgument when `text` is not of that form.
[[nodiscard]] Result<CallText> parse_call(std::string_view text);

/// Reads the arguments of a call by name; remembers the first error and which arguments were never asked for.
class ArgumentReader {
 public:
  explicit ArgumentReader(const CallText& call) : call_(call), used_(call.arguments.size(), false) {}
  [[nodiscard]] bool has(std::string_view key) const;
  /// Value of `key` ("" is the positional argument), or `fallback`.
  std::string_view text(std::string_view key, std::string_view fallback = {});
  int integer(std::string_view key, int fallback);
  bool boolean(std::string_view key, bool fallback);
  /// "WxH".
  Size size(std::string_view key);
  /// "[a,b,c]" or one number for all three.
  std::array<float, 3> triple(std::string_view key, float fallback);
  /// First error, or an argument that no one asked for.
  [[nodiscard]] Status finish() const;

 private:
  void fail(std::string_view key, std::string_view value, std::string_view allowed);
  const CallText& call_;
  std::vector<bool> used_;
  Status status_;
};

}  // namespace smol
