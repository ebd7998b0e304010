#pragma once

#include "codec/grow_only_buffer.h"
#include "codec/png_chunks.h"
#include "codec/png_rows.h"
#include "smol/codec.h"

namespace smol {

/// Decodes PNGs; picks the cheapest way to their rows. Buffers are reused.
class PngDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Result<DecodeReport> decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);
  Result<PngRows*> open_rows(const Rect& wanted, const DecodeRequest& request, Faults& faults);
  Result<DecodeReport> deliver(PngRows& source, const Rect& wanted, const DecodeRequest& request, const Faults& faults,
                               RowConsumer& consumer);
  Status read_group(PngRows& source, const DecodeRequest& request, ImageView& view);

  PngChunks chunks_;
  InflatedPngRows inflated_;
  StreamedPngRows streamed_;
  GrowOnlyBuffer rows_;
};

}  // namespace smol
