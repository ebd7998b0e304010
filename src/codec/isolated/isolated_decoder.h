#pragma once

#include "codec/isolated/child_process.h"
#include "codec/isolated/isolated_codec.h"
#include "codec/isolated/message.h"
#include "codec/isolated/shared_memory.h"

namespace smol {

/// Asks a child process for headers and rows. Nothing the child says is believed before it is checked.
class IsolatedDecoder final : public Decoder {
 public:
  explicit IsolatedDecoder(std::shared_ptr<const IsolatedCodecFacts> facts) : shared_(std::move(facts)), facts_(*shared_) {}
  ~IsolatedDecoder() override;
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Status create_shared();
  Status start();
  /// Copies the bytes and sends `question`, starting the child where none runs.
  Status ask(ByteView bytes, Message& question);
  /// The child's next message; a crash, the time limit or a stop request end the child.
  Result<Message> answer(const std::stop_token& stop);
  Result<Message> wait_for_answer(const std::stop_token& stop);
  Result<DecodeReport> converse(const DecodeRequest& request, RowConsumer& consumer);
  Result<DecodeReport> deliver(const Message& done, const Rect& delivered, const DecodeRequest& request,
                               RowConsumer& consumer);
  Error crashed();
  Error implausible();

  std::shared_ptr<const IsolatedCodecFacts> shared_;
  const IsolatedCodecFacts& facts_;
  ChildProcess child_;
  SharedMemory input_, output_;
  int wake_ = -1;  ///< an eventfd that stop requests write to
  DecodeLimits limits_;
};

}  // namespace smol
