#pragma once

#include "codec/bmp_header.h"
#include "codec/grow_only_buffer.h"

namespace smol {

/// Decodes BMPs; rows are found where they lie, only run-length coded pictures are unpacked as a whole.
class BmpDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Result<DecodeReport> decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);

  BmpHeader bmp_;
  GrowOnlyBuffer samples_, indices_, rows_;
};

}  // namespace smol
