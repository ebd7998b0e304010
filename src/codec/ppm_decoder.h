#pragma once

#include "codec/grow_only_buffer.h"
#include "smol/codec.h"

namespace smol {

struct PpmHeader {
  ImageHeader header;
  bool plain = false;    ///< numbers as text
  bool bitmap = false;   ///< P1 and P4, where 1 is black
  unsigned maximum = 1;  ///< 1..65535
  std::size_t pixels_offset = 0;

  [[nodiscard]] int num_samples() const { return header.width * header.channels; }
  [[nodiscard]] std::size_t row_bytes() const;
};

/// kCorrupt, kTruncated.
Status read_ppm_header(ByteView bytes, PpmHeader& ppm);

/// "P1" to "P6" and white space or a comment.
[[nodiscard]] bool has_ppm_signature(ByteView bytes);

/// Decodes PBM, PGM and PPM, plain and binary; rows are found where they lie.
class PpmDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  Result<DecodeReport> decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);
  const std::uint8_t* scaling_to_255();

  PpmHeader ppm_;
  unsigned scaled_maximum_ = 0;
  GrowOnlyBuffer scaling_, samples_, rows_;
};

}  // namespace smol
