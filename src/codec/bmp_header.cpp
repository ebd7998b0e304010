#include "codec/bmp_header.h"

#include <algorithm>
#include <bit>
#include <string>

#include "codec/faults.h"
#include "codec/little_endian.h"

namespace smol {
namespace {

constexpr std::size_t kFileHeaderBytes = 14, kCoreBytes = 12, kInfoBytes = 40, kMasksOffset = kFileHeaderBytes + kInfoBytes;
constexpr std::uint32_t kKnownSizes[] = {12, 16, 40, 52, 56, 64, 108, 124};
constexpr std::uint32_t kBitFields = 3, kJpeg = 4, kPng = 5, kAlphaBitFields = 6;
constexpr std::uint32_t kOs2Size = 64;

Error corrupt(const std::string& what) { return corrupt_error("BMP", what); }
Error unsupported(const std::string& what) {
  return Error{ErrorCode::kUnsupported, what + "; convert it, for example with `mogrify -format png`", Stage::kDecode};
}

class BmpHeaderReader {
 public:
  BmpHeaderReader(ByteView bytes, BmpHeader& bmp) : bytes_(bytes), bmp_(bmp) {}

  Status run() {
    if (bytes_.size() >= 2 && !has_bmp_signature(bytes_)) return corrupt("wrong signature");
    if (bytes_.size() < kFileHeaderBytes + kCoreBytes) return header_truncated_error("BMP");
    header_bytes_ = read_le32(bytes_, kFileHeaderBytes);
    if (std::find(std::begin(kKnownSizes), std::end(kKnownSizes), header_bytes_) == std::end(kKnownSizes)) {
      return corrupt("a header of unknown size: " + std::to_string(header_bytes_));
    }
    if (bytes_.size() < kFileHeaderBytes + header_bytes_) return header_truncated_error("BMP");
    SMOL_RETURN_IF_ERROR(read_size());
    SMOL_RETURN_IF_ERROR(read_layout());
    // Its last rows come first: all of it is unpacked.
    bmp_.header.progressive = bmp_.compression != BmpCompression::kNone;
    if (has_masks_) SMOL_RETURN_IF_ERROR(read_masks());
    SMOL_RETURN_IF_ERROR(read_palette());
    const std::size_t stored = bytes_.size() - std::min(bytes_.size(), bmp_.pixels_offset);
    bmp_.header.compressed_bytes = static_cast<std::int64_t>(stored);
    return {};
  }

 private:
  Status read_size() {
    constexpr std::int64_t kMost = 0x7FFFFFFF;
    std::int64_t width = 0, height = 0;
    if (header_bytes_ == kCoreBytes) {
      width = read_le16(bytes_, 18);
      height = read_le16(bytes_, 20);
      bmp_.bits_per_pixel = static_cast<int>(read_le16(bytes_, 24));
    } else {
      width = static_cast<std::int32_t>(read_le32(bytes_, 18));
      height = static_cast<std::int32_t>(read_le32(bytes_, 22));
      bmp_.bits_per_pixel = static_cast<int>(read_le16(bytes_, 28));
    }
    bmp_.top_down = height < 0;
    if (height < 0) height = -height;
    if (width <= 0 || height == 0 || height > kMost) return corrupt("width or height out of range");
    bmp_.header.width = static_cast<int>(width);
    bmp_.header.height = static_cast<int>(height);
    return {};
  }

  Status read_layout() {
    const std::uint32_t compression = header_bytes_ >= kInfoBytes ? read_le32(bytes_, 30) : 0;
    const int bits = bmp_.bits_per_pixel;
    if (bits != 1 && bits != 4 && bits != 8 && bits != 16 && bits != 24 && bits != 32) {
      return corrupt("bits a pixel must be 1, 4, 8, 16, 24 or 32: " + std::to_string(bits));
    }
    bmp_.compression = BmpCompression::kNone;
    bmp_.masks = {};
    if (bits == 16) bmp_.masks = {0x7C00, 0x3E0, 0x1F, 0};
    if (bits == 32) bmp_.masks = {0xFF0000, 0xFF00, 0xFF, 0};
    if (compression == 0) return {};
    if (compression == 1 && bits == 8) {
      bmp_.compression = BmpCompression::kRle8;
      return {};
    }
    if (compression == 2 && bits == 4) {
      bmp_.compression = BmpCompression::kRle4;
      return {};
    }
    if (header_bytes_ == kOs2Size && compression >= kBitFields) return unsupported("BMP of OS/2 with its own compression");
    if (compression == kJpeg || compression == kPng) return unsupported("BMP that holds a JPEG or PNG");
    if ((compression == kBitFields || compression == kAlphaBitFields) && bits >= 16) {
      has_masks_ = true;
      has_alpha_mask_ = compression == kAlphaBitFields || header_bytes_ >= 56;
      return {};
    }
    return corrupt("compression and bits a pixel do not go together: " + std::to_string(compression) + ", " +
                   std::to_string(bits));
  }

  /// They lie behind a header of 40 bytes, or at the same place inside a longer one.
  Status read_masks() {
    const std::size_t count = has_alpha_mask_ ? 4 : 3;
    if (bytes_.size() < kMasksOffset + 4 * count) return header_truncated_error("BMP");
    std::array<std::uint32_t, 4> masks{};
    for (std::size_t i = 0; i < count; ++i) masks[i] = read_le32(bytes_, kMasksOffset + 4 * i);
    if (bmp_.bits_per_pixel == 24) return {};
    if (masks[0] == 0 && masks[1] == 0 && masks[2] == 0 && bmp_.bits_per_pixel == 32) {
      // As Pillow has them.
      bmp_.masks[3] = 0xFF000000;
      return {};
    }
    for (const std::uint32_t mask : masks) {
      const std::uint32_t run = mask == 0 ? 0 : mask >> std::countr_zero(mask);
      if ((run & (run + 1)) != 0) return corrupt("a colour mask with gaps");
      if (bmp_.bits_per_pixel == 16 && mask > 0xFFFF) return corrupt("a colour mask beyond the pixel");
    }
    bmp_.masks = masks;
    return {};
  }

  Status read_palette() {
    ImageHeader& header = bmp_.header;
    header.alpha = bmp_.masks[3] != 0;
    std::size_t offset = read_le32(bytes_, 10);
    const std::size_t start = kFileHeaderBytes + header_bytes_;
    const std::size_t entry_bytes = header_bytes_ == kCoreBytes ? 3 : 4;
    if (bmp_.bits_per_pixel > 8) {
      const std::size_t behind = has_masks_ && header_bytes_ == kInfoBytes ? start + (has_alpha_mask_ ? 16 : 12) : start;
      bmp_.pixels_offset = offset == 0 ? behind : offset;
      return check_offset();
    }
    std::size_t num_colors = header_bytes_ >= kInfoBytes ? read_le32(bytes_, 46) : 0;
    if (num_colors == 0) num_colors = std::size_t{1} << bmp_.bits_per_pixel;
    if (num_colors > 65536) return corrupt("a palette of too many colours: " + std::to_string(num_colors));
    // Some files say that their pixels lie where their palette does.
    if (offset == 0 || offset == start) offset = start + entry_bytes * num_colors;
    bmp_.pixels_offset = offset;
    const std::size_t num_read = std::min<std::size_t>(num_colors, 256);
    if (bytes_.size() < start + entry_bytes * num_read) return header_truncated_error("BMP");
    bool is_ramp = num_read == 256;
    bmp_.palette.clear();
    for (std::size_t i = 0; i < num_read; ++i) {
      const std::uint8_t* const entry = &bytes_[start + i * entry_bytes];
      bmp_.palette.set(static_cast<int>(i), entry[2], entry[1], entry[0]);
      is_ramp = is_ramp && entry[0] == i && entry[1] == i && entry[2] == i;
    }
    header.palette = !is_ramp;
    if (is_ramp) header.channels = 1;
    header.bits = bmp_.bits_per_pixel;
    return check_offset();
  }

  Status check_offset() const {
    if (bmp_.pixels_offset < kFileHeaderBytes + kCoreBytes) return corrupt("pixels inside the header");
    return {};
  }

  ByteView bytes_;
  BmpHeader& bmp_;
  std::uint32_t header_bytes_ = 0;
  bool has_masks_ = false, has_alpha_mask_ = false;
};

}  // namespace

Status read_bmp_header(ByteView bytes, BmpHeader& bmp) {
  bmp.header = ImageHeader{};
  bmp.header.format = "bmp";
  bmp.header.max_scale_denominator = 1;
  bmp.header.planar = false;
  return BmpHeaderReader(bytes, bmp).run();
}

bool has_bmp_signature(ByteView bytes) { return bytes.size() >= 2 && bytes[0] == 'B' && bytes[1] == 'M'; }

}  // namespace smol
