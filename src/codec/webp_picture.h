#pragma once

#include <webp/decode.h>

#include <memory>

#include "codec/grow_only_buffer.h"
#include "smol/codec.h"

namespace smol {

/// One picture without its container, decoded by libwebp as far as its rows are asked for.
class WebpPicture {
 public:
  WebpPicture() = default;
  WebpPicture(const WebpPicture&) = delete;
  WebpPicture& operator=(const WebpPicture&) = delete;

  /// `part` of the picture of `size`, in one of libwebp's interleaved orders. Bytes outside `part` are decoded only where
  /// those inside depend on them. kOutOfMemory, kInternal.
  Status open(ByteView picture, Size size, const Rect& part, WEBP_CSP_MODE order, int bytes_per_pixel);
  /// Frees libwebp's memory; the rows stay.
  void close() { decoder_.reset(); }

  enum class End : std::uint8_t { kNone, kTruncated, kCorrupt, kOutOfMemory };
  /// Decodes another piece of the data; false when no more rows will come.
  bool advance();
  /// Rows of `part` that are decoded.
  [[nodiscard]] int num_rows() const { return num_rows_; }
  /// Row `y` of `part`, readable 64 bytes past its end.
  [[nodiscard]] const std::uint8_t* row(int y) const { return first_row_ + y * stride_bytes_; }
  [[nodiscard]] std::ptrdiff_t stride_bytes() const { return stride_bytes_; }
  [[nodiscard]] End end() const { return end_; }

 private:
  struct Free {
    void operator()(WebPIDecoder* decoder) const { WebPIDelete(decoder); }
  };
  ByteView picture_;
  WebPDecoderConfig config_{};
  std::unique_ptr<WebPIDecoder, Free> decoder_;
  GrowOnlyBuffer pixels_;
  std::uint8_t* first_row_ = nullptr;
  std::ptrdiff_t stride_bytes_ = 0;
  std::size_t fed_bytes_ = 0;
  int num_rows_ = 0, top_margin_ = 0, height_ = 0;
  End end_ = End::kNone;
};

}  // namespace smol
