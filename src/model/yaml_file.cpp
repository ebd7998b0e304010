#include "model/yaml_file.h"

#include <fmt/format.h>

#include "base/text_file.h"
#include "smol/codec.h"

namespace smol {
namespace {

constexpr std::string_view kGraph = "a preprocessing graph", kCard = "a model card";

/// What lies in the place of a YAML file, in words; empty where it may be one.
std::string describe_other(const Result<std::string>& text) {
  if (!text.ok()) return text.error().code == ErrorCode::kLimitExceeded ? "a model or another large file" : "";
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(text->data());
  if (const CodecRegistry codecs = built_in_codecs(); const Codec* codec = codecs.sniff({bytes, text->size()})) {
    return fmt::format("a picture ({})", codec->name());
  }
  if (text->find('\0') != std::string::npos) return "a model or another binary file";
  return text->starts_with("<") ? "a model or another XML file" : "";
}

Result<std::string> read_yaml_file(const std::string& path, std::string_view wanted) {
  Result<std::string> text = read_text_file(path);
  std::string other = describe_other(text);
  if (other.empty()) return text;
  const bool is_card = wanted == kCard;
  const std::string advice =
      is_card ? "; a card is a YAML file that describes a model, `smol inspect MODEL --card -o CARD` drafts one" : "";
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("this is {} where {} is expected{}: {}", other, wanted, advice, path), Stage::kParse};
}

}  // namespace

Result<std::string> read_card_file(const std::string& path) { return read_yaml_file(path, kCard); }
Result<std::string> read_graph_file(const std::string& path) { return read_yaml_file(path, kGraph); }

}  // namespace smol
