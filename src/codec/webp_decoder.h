#pragma once

#include "codec/grow_only_buffer.h"
#include "codec/still_rows.h"
#include "codec/webp_container.h"
#include "codec/webp_picture.h"

namespace smol {

/// Decodes WebP, lossy and lossless, and the first picture of animations.
class WebpDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Result<DecodeReport> decode_file(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);

  WebpChunks chunks_;
  WebpPicture picture_;
  GrowOnlyBuffer canvas_row_, rows_;
};

}  // namespace smol
