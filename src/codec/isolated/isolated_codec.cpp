#include "codec/isolated/isolated_codec.h"

#include <poll.h>

#include "codec/isolated/isolated_decoder.h"

namespace smol {
namespace {

class IsolatedCodec final : public Codec {
 public:
  explicit IsolatedCodec(IsolatedCodecFacts facts)
      : shared_(std::make_shared<const IsolatedCodecFacts>(std::move(facts))), facts_(*shared_) {}
  [[nodiscard]] std::string_view name() const override { return facts_.name; }
  [[nodiscard]] std::string_view description() const override { return facts_.description; }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return facts_.sniff(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return facts_.capabilities; }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override {
    return std::make_unique<IsolatedDecoder>(shared_);
  }

 private:
  std::shared_ptr<const IsolatedCodecFacts> shared_;
  const IsolatedCodecFacts& facts_;
};

}  // namespace

std::unique_ptr<const Codec> create_isolated_codec(IsolatedCodecFacts facts) {
  return std::make_unique<IsolatedCodec>(std::move(facts));
}

std::vector<PlugInDescription> describe_plug_ins(const std::string& program, const std::vector<std::string>& plug_ins) {
  // Loading is a matter of milliseconds; a slow disk may need more.
  constexpr int kMaxWaitMilliseconds = 30'000;
  std::vector<PlugInDescription> found(plug_ins.size());
  ChildProcess child;
  std::vector<std::string> words{"describe"};
  words.insert(words.end(), plug_ins.begin(), plug_ins.end());
  std::string failure;
  if (const Status started = child.start(program, words, {}); !started.ok()) failure = started.error().message;
  for (PlugInDescription& plug_in : found) {
    Message said;
    pollfd watched{child.socket(), POLLIN, 0};
    if (failure.empty() && poll(&watched, 1, kMaxWaitMilliseconds) == 0) failure = "loading it takes too long";
    if (failure.empty() && !receive_message(child.socket(), said)) failure = "loading it failed (" + child.reap() + ")";
    if (!failure.empty()) {
      plug_in.error = failure;
    } else if (said.kind == MessageKind::kReady) {
      plug_in.description = said.safe_text();
    } else {
      plug_in.error = said.safe_text();
    }
  }
  return found;
}

}  // namespace smol
