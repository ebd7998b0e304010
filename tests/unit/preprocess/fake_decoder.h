#pragma once
#include <optional>

#include "smol/codec.h"

namespace smol::test {

/// A codec that "decodes" a picture it holds, with every freedom the interface gives a real one.
class FakeDecoder : public Decoder {
 public:
  struct Behaviour {
    int rows_per_call = 16;
    bool delivers_region = true;        ///< else whole rows of the whole picture
    int extra_pixels = 0;               ///< delivered around the region
    int stop_after_rows = 1 << 30;      ///< a broken decoder that keeps silent about it
    std::optional<PixelFormat> format;  ///< delivered whatever was asked for
  };

  /// `pixels`: interleaved with `channels`, of the picture as decoded (at 1/scale_denominator).
  FakeDecoder(Size size, int channels, const std::vector<std::uint8_t>& pixels);
  FakeDecoder(Size size, int channels, const std::vector<std::uint8_t>& pixels, Behaviour behaviour);

  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

  [[nodiscard]] ImageHeader header() const;
  [[nodiscard]] const DecodeRequest& last_request() const { return last_request_; }
  [[nodiscard]] int rows_delivered() const { return rows_delivered_; }

 private:
  const Image& picture(PixelFormat format);
  Rect delivered_rect(const DecodeRequest& request) const;

  Size size_;
  int channels_;
  const std::vector<std::uint8_t>& pixels_;
  Behaviour behaviour_;
  Image picture_;
  DecodeRequest last_request_;
  int rows_delivered_ = 0;
};

}  // namespace smol::test
