#pragma once
/// A codec made of facts: most formats need no class of their own. Header only: codec plug-ins use it, too.

#include <memory>
#include <string>

#include "smol/codec.h"

namespace smol {

struct CodecFacts {
  std::string_view name;    ///< static storage
  std::string description;  ///< library and version
  bool (*sniff)(ByteView bytes) = nullptr;
  CodecCapabilities capabilities;
  std::unique_ptr<Decoder> (*create_decoder)() = nullptr;
};

class PlainCodec final : public Codec {
 public:
  explicit PlainCodec(CodecFacts facts) : facts_(std::move(facts)) {}
  [[nodiscard]] std::string_view name() const override { return facts_.name; }
  [[nodiscard]] std::string_view description() const override { return facts_.description; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return facts_.sniff(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return facts_.capabilities; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return facts_.create_decoder(); }

 private:
  CodecFacts facts_;
};

template <typename SomeDecoder>
[[nodiscard]] std::unique_ptr<Decoder> create_decoder_of() {
  return std::make_unique<SomeDecoder>();
}

}  // namespace smol
