#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "preprocess/decode_request.h"
#include "preprocess/thumbnail.h"
#include "smol/preprocess.h"

namespace smol {
namespace {

int divided_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

/// Keeps all rows that a decoder delivers, down to the last needed one.
class PartCollector : public RowConsumer {
 public:
  /// `bottom`: rows from here on are not waited for.
  PartCollector(DecodedPart& part, int bottom) : part_(part), bottom_(bottom) {}

  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override {
    part_.rect = delivered;
    part_.scaled_size = scaled_size;
    part_.pixels.reshape(format, delivered.width, delivered.height);
    row_factors_ = {};
    return {};
  }

  bool rows(int y, const ImageView& rows) override {
    ImageView& kept = part_.pixels.view();
    const int num_planes = kept.format == PixelFormat::kYcc8Planar ? 3 : 1;
    for (int plane = 0; plane < num_planes; ++plane) copy_rows(y - part_.rect.y, rows, plane, kept);
    return y + rows.height < bottom_;
  }

 private:
  void copy_rows(int first, const ImageView& rows, int index, ImageView& kept) {
    Plane from = rows.planes[index];
    if (index == 0) from = {from.data, from.stride_bytes, rows.width, rows.height};
    Plane& to = kept.planes[index];
    // Planes may be subsampled; the first group of rows shows by how much, the last may have too few rows to tell.
    int& factor = row_factors_[index];
    if (factor == 0) factor = divided_up(rows.height, from.height);
    to.width = std::min(from.width, kept.width);
    to.height = divided_up(kept.height, factor);
    const std::size_t bytes = static_cast<std::size_t>(to.width) * bytes_per_pixel(rows.format);
    for (int row = 0; row < from.height && first / factor + row < to.height; ++row) {
      std::memcpy(to.data + (first / factor + row) * to.stride_bytes, from.data + row * from.stride_bytes, bytes);
    }
  }

  DecodedPart& part_;
  const int bottom_;
  std::array<int, 3> row_factors_{};  // rows of the first plane that fall on one of each
};

}  // namespace

Result<DecodeReport> decode_part(Decoder& decoder, ByteView bytes, const ImageHeader& picture, const DecodeNeed& need,
                                 const PreprocessOptions& options, DecodedPart& part) try {
  const ImageHeader header = need.decode.thumbnail ? header_of_thumbnail(picture) : picture;
  DecodeRequest request = request_of(need.decode, header, options);
  const int height = divided_up(header.height, need.decode.scale_denominator);
  const int bottom = need.pixels && need.decode.early_stop ? need.pixels->y + need.pixels->height : height;
  if (need.decode.region && need.pixels) {
    request.region = need.pixels;
    request.region->height = bottom - need.pixels->y;
  }
  part.header = header;
  part.decode = need.decode;
  PartCollector collector(part, bottom);
  return decoder.decode(bytes, request, collector);
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "no memory left for a part of the picture; limit its pixels (--max-pixels)",
               Stage::kDecode};
}

}  // namespace smol
