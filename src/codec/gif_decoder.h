#pragma once

#include "codec/gif_blocks.h"
#include "codec/grow_only_buffer.h"

namespace smol {

/// Decodes the first picture of GIFs, on their screen.
class GifDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Result<DecodeReport> decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);

  GifBlocks blocks_;
  GrowOnlyBuffer indices_, states_, rows_;
};

}  // namespace smol
