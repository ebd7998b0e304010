#include "codec/gif_blocks.h"

#include <algorithm>
#include <cstring>

#include "codec/little_endian.h"

namespace smol {
namespace {

constexpr std::size_t kSignatureBytes = 6, kScreenBytes = 7, kPictureBytes = 9;
constexpr std::uint8_t kExtension = '!', kPicture = ',', kEnd = ';', kControlLabel = 0xF9;
constexpr std::uint8_t kHasPalette = 0x80, kInterlaced = 0x40, kHasTransparency = 1;

/// Reads the first picture, then only counts the others.
class GifWalk {
 public:
  GifWalk(ByteView bytes, Faults& faults, GifBlocks& blocks) : bytes_(bytes), faults_(faults), blocks_(blocks) {}

  Status run() {
    if (bytes_.size() >= kSignatureBytes && !has_gif_signature(bytes_)) return corrupt_error("GIF", "wrong signature");
    if (bytes_.size() < kSignatureBytes + kScreenBytes) return header_truncated_error("GIF");
    at_ = kSignatureBytes;
    ImageHeader& header = blocks_.header;
    header.width = static_cast<int>(read_le16(bytes_, at_));
    header.height = static_cast<int>(read_le16(bytes_, at_ + 2));
    const std::uint8_t flags = bytes_[at_ + 4];
    at_ += kScreenBytes;
    blocks_.palette.set_ramp();
    if ((flags & kHasPalette) != 0) SMOL_RETURN_IF_ERROR(read_palette(flags));
    while (!ended_) SMOL_RETURN_IF_ERROR(read_block());
    if (header.num_frames == 0) {
      if (ends_early_) return header_truncated_error("GIF");
      return corrupt_error("GIF", "no picture in it");
    }
    return {};
  }

 private:
  Status read_block() {
    if (left() == 0) return end_of_bytes();
    const std::uint8_t kind = bytes_[at_++];
    switch (kind) {
      case kEnd:
        ended_ = true;
        return {};
      case kExtension:
        return read_extension();
      case kPicture:
        return read_picture();
      default:
        // Some writers leave a zero between blocks; Pillow passes over anything.
        if (noted_strays_) return {};
        noted_strays_ = true;
        return faults_.note(Fault::kHarmless, "bytes between its blocks");
    }
  }

  Status read_extension() {
    if (left() == 0) return end_of_bytes();
    const std::uint8_t label = bytes_[at_++];
    const bool decides = label == kControlLabel && blocks_.header.num_frames == 0;
    if (decides && left() >= 5 && bytes_[at_] >= 4 && (bytes_[at_ + 1] & kHasTransparency) != 0) {
      blocks_.transparent_index = bytes_[at_ + 4];
    }
    if (!skip_sub_blocks()) return end_of_bytes();
    return {};
  }

  Status read_picture() {
    if (left() < kPictureBytes) return end_of_bytes();
    const std::uint8_t flags = bytes_[at_ + 8];
    const bool first = blocks_.header.num_frames == 0;
    if (first) {
      blocks_.frame = {static_cast<int>(read_le16(bytes_, at_)), static_cast<int>(read_le16(bytes_, at_ + 2)),
                       static_cast<int>(read_le16(bytes_, at_ + 4)), static_cast<int>(read_le16(bytes_, at_ + 6))};
    }
    at_ += kPictureBytes;
    if ((flags & kHasPalette) != 0) {
      if (first) {
        SMOL_RETURN_IF_ERROR(read_palette(flags));
      } else {
        at_ += std::min(left(), palette_bytes(flags));
      }
    }
    if (left() == 0) return end_of_bytes();
    const std::size_t start = at_;
    const std::uint8_t code_bits = bytes_[at_++];
    const bool complete = skip_sub_blocks();
    if (first) {
      SMOL_RETURN_IF_ERROR(finish_first(flags, code_bits));
      blocks_.data = bytes_.subspan(start, at_ - start);
      blocks_.data_end_early = !complete;
      blocks_.header.compressed_bytes = static_cast<std::int64_t>(blocks_.data.size());
    }
    if (complete || first) ++blocks_.header.num_frames;
    return complete ? Status() : end_of_bytes();
  }

  Status finish_first(std::uint8_t flags, std::uint8_t code_bits) {
    ImageHeader& header = blocks_.header;
    const Rect& frame = blocks_.frame;
    header.width = std::max(header.width, frame.x + frame.width);
    header.height = std::max(header.height, frame.y + frame.height);
    if (header.width == 0 || header.height == 0) return corrupt_error("GIF", "width or height is 0");
    if (code_bits > 8) return corrupt_error("GIF", "codes of more than 8 bits a pixel: " + std::to_string(code_bits));
    blocks_.code_bits = code_bits;
    blocks_.interlaced = (flags & kInterlaced) != 0;
    header.progressive = blocks_.interlaced;
    const int transparent = blocks_.transparent_index;
    header.alpha = transparent >= 0;
    blocks_.uncovered_index = std::max(transparent, 0);
    if (transparent >= 0) blocks_.palette.rgba[static_cast<std::size_t>(transparent) * 4 + 3] = 0;
    return {};
  }

  static std::size_t palette_bytes(std::uint8_t flags) { return std::size_t{3} << ((flags & 7) + 1); }

  /// A palette that gives every index its own grey is none, as Pillow has it: indices beyond it are greys, too.
  Status read_palette(std::uint8_t flags) {
    const std::size_t size = palette_bytes(flags);
    if (left() < size) {
      at_ = bytes_.size();
      return end_of_bytes();
    }
    const ByteView colors = bytes_.subspan(at_, size);
    at_ += size;
    bool is_ramp = true;
    for (std::size_t i = 0; i < size; ++i) is_ramp = is_ramp && colors[i] == i / 3;
    if (is_ramp) {
      blocks_.palette.set_ramp();
      return {};
    }
    blocks_.palette.clear();
    for (std::size_t i = 0; i < size; i += 3) {
      blocks_.palette.set(static_cast<int>(i / 3), colors[i], colors[i + 1], colors[i + 2]);
    }
    return {};
  }

  /// False where the bytes end before the empty sub-block that ends them.
  bool skip_sub_blocks() {
    while (at_ < bytes_.size()) {
      const std::size_t size = bytes_[at_++];
      if (size == 0) return true;
      at_ += std::min(left(), size);
    }
    return false;
  }

  Status end_of_bytes() {
    ended_ = ends_early_ = true;
    return faults_.note(Fault::kHarmless, "no end marker");
  }

  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

  ByteView bytes_;
  Faults& faults_;
  GifBlocks& blocks_;
  std::size_t at_ = 0;
  bool ended_ = false, ends_early_ = false, noted_strays_ = false;
};

}  // namespace

Status read_gif_blocks(ByteView bytes, Faults& faults, GifBlocks& blocks) {
  blocks.header = ImageHeader{};
  ImageHeader& header = blocks.header;
  header.format = "gif";
  header.max_scale_denominator = 1;
  header.planar = false;
  header.palette = true;
  header.num_frames = 0;
  blocks.frame = {};
  blocks.interlaced = false;
  blocks.transparent_index = -1;
  return GifWalk(bytes, faults, blocks).run();
}

bool has_gif_signature(ByteView bytes) {
  return bytes.size() >= kSignatureBytes && (std::memcmp(bytes.data(), "GIF87a", kSignatureBytes) == 0 ||
                                             std::memcmp(bytes.data(), "GIF89a", kSignatureBytes) == 0);
}

}  // namespace smol
