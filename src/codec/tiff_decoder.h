#pragma once

#include "codec/tiff_rows.h"

namespace smol {

/// Decodes the first page of TIFFs.
class TiffDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Status open(ByteView bytes);
  Result<DecodeReport> decode_page(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);

  TiffFile file_;
  TiffLayout layout_;
  TiffBuffers buffers_;
  GrowOnlyBuffer rows_;
};

}  // namespace smol
