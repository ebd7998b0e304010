#include "codec/bmp_decoder.h"

#include <bit>
#include <cstring>
#include <new>

#include "codec/bmp_runs.h"
#include "codec/little_endian.h"
#include "codec/still_rows.h"

namespace smol {
namespace {

/// Samples of fewer than 8 bits fill the range as Pillow's do.
struct MaskedSample {
  std::uint32_t mask;
  int shift;
  std::uint32_t most;

  explicit MaskedSample(std::uint32_t mask_) : mask(mask_), shift(mask_ == 0 ? 0 : std::countr_zero(mask_)) {
    most = mask >> shift;
  }
  [[nodiscard]] std::uint8_t of(std::uint32_t pixel) const {
    if (most == 0) return 0;
    return static_cast<std::uint8_t>(std::uint64_t{(pixel & mask) >> shift} * 255 / most);
  }
};

class BmpRows final : public StillRows {
 public:
  BmpRows(ByteView bytes, const BmpHeader& bmp, const DecodeRequest& request, GrowOnlyBuffer& samples)
      : bytes_(bytes), bmp_(bmp), request_(request) {
    samples_ = samples.reserve(static_cast<std::size_t>(bmp.header.width) * 4);
    if (bmp.header.alpha) background_ = request.background;
    for (std::size_t i = 0; i < channels_.size(); ++i) channels_[i] = MaskedSample(bmp.masks[i]);
  }

  /// Indices of the whole picture, of which `num_rows` (as stored) are there.
  void use_indices(const std::uint8_t* indices, int num_rows) {
    indices_ = indices;
    num_indexed_rows_ = num_rows;
  }

  RowState write_row(int y, std::uint8_t* out) override {
    const int stored_y = bmp_.top_down ? y : bmp_.header.height - 1 - y;
    const int width = bmp_.header.width;
    if (indices_ != nullptr) {
      if (stored_y >= num_indexed_rows_) return RowState::kTruncated;
      write_palette_row(indices_ + static_cast<std::size_t>(stored_y) * static_cast<std::size_t>(width), out);
      return RowState::kComplete;
    }
    const std::size_t start = bmp_.pixels_offset + static_cast<std::size_t>(stored_y) * bmp_.stride_bytes();
    if (start > bytes_.size() || bytes_.size() - start < bmp_.row_bytes()) return RowState::kTruncated;
    write_plain_row(&bytes_[start], out);
    return RowState::kComplete;
  }

 private:
  void write_palette_row(const std::uint8_t* indices, std::uint8_t* out) const {
    if (bmp_.header.palette) return write_indexed(bmp_.palette, indices, bmp_.header.width, request_.format, out);
    write_pixels(SampleOrder::kGray, indices, bmp_.header.width, request_.format, {}, out);
  }

  void write_plain_row(const std::uint8_t* row, std::uint8_t* out) {
    const int width = bmp_.header.width;
    switch (bmp_.bits_per_pixel) {
      case 8:
        return write_palette_row(row, out);
      case 24:
        return write_pixels(SampleOrder::kBgr, row, width, request_.format, {}, out);
      case 16:
      case 32:
        return write_masked_row(row, out);
      default:
        unpack_samples(row, width, bmp_.bits_per_pixel, samples_);
        write_palette_row(samples_, out);
    }
  }

  void write_masked_row(const std::uint8_t* row, std::uint8_t* out) {
    constexpr std::array<std::uint32_t, 3> kUsual{0xFF0000, 0xFF00, 0xFF};
    const int width = bmp_.header.width;
    const std::uint32_t alpha = bmp_.masks[3];
    if (bmp_.bits_per_pixel == 32 && std::equal(kUsual.begin(), kUsual.end(), bmp_.masks.begin()) &&
        (alpha == 0 || alpha == 0xFF000000)) {
      return write_pixels(SampleOrder::kBgra, row, width, request_.format, background_, out);
    }
    const int step = bmp_.bits_per_pixel / 8;
    const ByteView pixels(row, static_cast<std::size_t>(width * step));
    for (int i = 0; i < width; ++i) {
      const std::uint32_t pixel = read_le(pixels, static_cast<std::size_t>(i * step), step);
      for (std::size_t c = 0; c < 4; ++c) samples_[4 * i + static_cast<int>(c)] = channels_[c].of(pixel);
    }
    write_pixels(SampleOrder::kRgba, samples_, width, request_.format, background_, out);
  }

  ByteView bytes_;
  const BmpHeader& bmp_;
  const DecodeRequest& request_;
  Background background_;
  std::array<MaskedSample, 4> channels_{MaskedSample(0), MaskedSample(0), MaskedSample(0), MaskedSample(0)};
  std::uint8_t* samples_;
  const std::uint8_t* indices_ = nullptr;
  int num_indexed_rows_ = 0;
};

}  // namespace

Result<ImageHeader> BmpDecoder::probe(ByteView bytes) {
  SMOL_RETURN_IF_ERROR(read_bmp_header(bytes, bmp_));
  return bmp_.header;
}

Result<DecodeReport> BmpDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  try {
    return decode_picture(bytes, request, consumer);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "no memory for the rows of a BMP", Stage::kDecode};
  }
}

Result<DecodeReport> BmpDecoder::decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(read_bmp_header(bytes, bmp_));
  SMOL_ASSIGN_OR_RETURN(const Rect part, check_request("BMP", bmp_.header, request));
  Faults faults(request.fail_on, "BMP");
  BmpRows rows(bytes, bmp_, request, samples_);
  const Size size{bmp_.header.width, bmp_.header.height};
  if (bmp_.compression != BmpCompression::kNone) {
    std::uint8_t* const indices =
        indices_.reserve(static_cast<std::size_t>(size.width) * static_cast<std::size_t>(size.height));
    SMOL_ASSIGN_OR_RETURN(const int num_rows, unpack_bmp_runs(bytes, bmp_, request.stop, faults, indices));
    rows.use_indices(indices, num_rows);
  }
  return deliver_rows(rows, whole_rows(part, bmp_.header), size, request, faults, rows_, consumer);
}

}  // namespace smol
