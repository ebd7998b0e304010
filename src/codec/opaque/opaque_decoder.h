#pragma once
/// What decoders over large libraries have in common. They run in a process of their own (codec/isolated), so that they may
/// allocate as they like and need not watch a stop token: their process is ended instead.

#include "codec/grow_only_buffer.h"
#include "codec/opaque/opaque_formats.h"
#include "smol/codec.h"

namespace smol {

/// Pixels that a library has decoded: 8 bits a sample, interleaved. Borrowed until the next call.
struct DecodedPixels {
  const std::uint8_t* data = nullptr;
  std::ptrdiff_t stride_bytes = 0;
  int channels = 4;  ///< 1 gray, 3 RGB, 4 RGB and a byte to ignore
  int complete_rows = 0;
  int warnings = 0;
  bool truncated = false, recovered = false;
};

class OpaqueDecoder : public Decoder {
 public:
  explicit OpaqueDecoder(std::string_view format) : format_(*find_opaque_format(format)) {}
  Result<ImageHeader> probe(ByteView bytes) final;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) final;

 protected:
  /// Reads the header and keeps what read() needs; `format` is filled in by the caller.
  virtual Result<ImageHeader> open(ByteView bytes, FailOn fail_on) = 0;
  /// Decodes the rectangle `wanted` (of the scaled picture, or thumbnail) of what was opened, of `size` in all.
  virtual Result<DecodedPixels> read(const DecodeRequest& request, const Rect& wanted, Size size) = 0;
  /// Frees what open() and read() hold.
  virtual void close() = 0;

  [[nodiscard]] const OpaqueFormat& format() const { return format_; }
  [[nodiscard]] static Error error(ErrorCode code, std::string message);

 private:
  Result<DecodeReport> decode_opened(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);
  Status check_format(ByteView bytes) const;
  Result<Rect> check(const ImageHeader& header, const DecodeRequest& request, Size& size) const;
  Result<DecodeReport> deliver(const DecodedPixels& pixels, const Rect& wanted, const DecodeRequest& request,
                               RowConsumer& consumer);

  const OpaqueFormat& format_;
  GrowOnlyBuffer rows_;
};

/// A codec of a plug-in: facts from the table, `create` for its decoders.
[[nodiscard]] std::unique_ptr<Codec> create_opaque_codec(std::string_view format, std::string description,
                                                         std::unique_ptr<Decoder> (*create)());

/// Transfer characteristics (CICP) of pictures that 8 bits cannot show without tone mapping; empty for others.
[[nodiscard]] std::string_view hdr_transfer_name(int transfer_characteristics);
/// kUnsupported with what to do about it.
[[nodiscard]] Error hdr_error(std::string_view transfer);

/// Where a library refuses even to read the header of a huge picture: the largest size that an image-spatial-extents box
/// of a HEIF file claims; 0x0 where there is none.
[[nodiscard]] Size largest_claimed_extent(ByteView bytes);

/// `value` of `max_value` as 8 bits, rounded to the nearest.
[[nodiscard]] constexpr std::uint8_t to_eight_bits(std::int64_t value, std::int64_t max_value) {
  return static_cast<std::uint8_t>((value * 255 + max_value / 2) / max_value);
}

}  // namespace smol
