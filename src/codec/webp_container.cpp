#include "codec/webp_container.h"

#include <webp/decode.h>

#include <algorithm>
#include <cstring>

#include "codec/exif.h"
#include "codec/little_endian.h"

namespace smol {
namespace {

constexpr std::size_t kRiffBytes = 12, kChunkBytes = 8, kExtendedBytes = 10, kFrameBytes = 16;
constexpr std::uint8_t kAnimated = 2;

constexpr std::uint32_t name_of_chunk(const char (&name)[5]) {
  return static_cast<std::uint32_t>(name[0]) | static_cast<std::uint32_t>(name[1]) << 8 |
         static_cast<std::uint32_t>(name[2]) << 16 | static_cast<std::uint32_t>(name[3]) << 24;
}
constexpr std::uint32_t kExtended = name_of_chunk("VP8X"), kLossy = name_of_chunk("VP8 "), kLossless = name_of_chunk("VP8L"),
                        kAlpha = name_of_chunk("ALPH"), kFrame = name_of_chunk("ANMF"), kExif = name_of_chunk("EXIF");

Error corrupt(std::string_view what) { return corrupt_error("WebP", what); }
Error truncated() { return header_truncated_error("WebP"); }

struct Chunk {
  std::uint32_t name = 0;
  std::size_t offset = 0;  ///< of its header
  ByteView payload;        ///< what is there of it
  bool complete = false;
  std::size_t next = 0;  ///< offset of the chunk behind it
};

/// The chunk at `offset`, which has a whole header.
Chunk chunk_at(ByteView bytes, std::size_t offset) {
  Chunk chunk;
  chunk.name = read_le32(bytes, offset);
  chunk.offset = offset;
  const std::size_t size = read_le32(bytes, offset + 4), start = offset + kChunkBytes;
  const std::size_t available = std::min(size, bytes.size() - start);
  chunk.payload = bytes.subspan(start, available);
  chunk.complete = available == size;
  chunk.next = std::min(bytes.size(), start + available + size % 2);
  return chunk;
}

bool has_chunk_at(ByteView bytes, std::size_t offset) {
  return offset <= bytes.size() && bytes.size() - offset >= kChunkBytes;
}

class WebpWalk {
 public:
  WebpWalk(ByteView bytes, Faults& faults, WebpChunks& chunks) : bytes_(bytes), faults_(faults), chunks_(chunks) {}

  Status run() {
    if (bytes_.size() < kRiffBytes) {
      const bool begins_well = bytes_.size() < 4 || std::memcmp(bytes_.data(), "RIFF", 4) == 0;
      return begins_well ? truncated() : corrupt("wrong signature");
    }
    if (!has_webp_signature(bytes_)) return corrupt("wrong signature");
    // What lies behind the RIFF chunk belongs to nobody.
    const std::size_t stated = std::size_t{read_le32(bytes_, 4)} + kChunkBytes;
    cut_ = stated > bytes_.size();
    bytes_ = bytes_.first(std::min(bytes_.size(), stated));
    for (std::size_t at = kRiffBytes; has_chunk_at(bytes_, at);) {
      const Chunk chunk = chunk_at(bytes_, at);
      SMOL_RETURN_IF_ERROR(use(chunk));
      at = chunk.next;
    }
    if (!found_) return cut_ ? truncated() : corrupt("no picture in it");
    if (cut_) SMOL_RETURN_IF_ERROR(faults_.note(Fault::kHarmless, "its end is missing"));
    return {};
  }

 private:
  Status use(const Chunk& chunk) {
    ImageHeader& header = chunks_.header;
    switch (chunk.name) {
      case kExtended:
        return chunks_.header.width == 0 ? read_extended(chunk) : Status();
      case kFrame:
        if (!animated_) return {};
        if (!found_) return read_first_frame(chunk);
        ++header.num_frames;
        return {};
      case kAlpha:
      case kLossy:
      case kLossless:
        return animated_ || found_ ? Status() : read_picture(chunk);
      case kExif: {
        constexpr std::size_t kPrefixBytes = 6;  // some writers keep JPEG's
        const bool prefixed = is_exif_app1(chunk.payload);
        header.orientation = exif_orientation(prefixed ? chunk.payload.subspan(kPrefixBytes) : chunk.payload);
        return {};
      }
      default:
        return {};
    }
  }

  Status read_extended(const Chunk& chunk) {
    if (chunk.payload.size() < kExtendedBytes) return chunk.complete ? corrupt("short VP8X chunk") : truncated();
    animated_ = (chunk.payload[0] & kAnimated) != 0;
    chunks_.header.width = static_cast<int>(read_le24(chunk.payload, 4)) + 1;
    chunks_.header.height = static_cast<int>(read_le24(chunk.payload, 7)) + 1;
    return {};
  }

  Status read_first_frame(const Chunk& chunk) {
    const ByteView payload = chunk.payload;
    if (payload.size() < kFrameBytes) return chunk.complete ? corrupt("short ANMF chunk") : truncated();
    chunks_.frame = {2 * static_cast<int>(read_le24(payload, 0)), 2 * static_cast<int>(read_le24(payload, 3)),
                     static_cast<int>(read_le24(payload, 6)) + 1, static_cast<int>(read_le24(payload, 9)) + 1};
    for (std::size_t at = kFrameBytes; has_chunk_at(payload, at) && !found_;) {
      Chunk inner = chunk_at(payload, at);
      inner.offset += static_cast<std::size_t>(payload.data() - bytes_.data());
      if (inner.name == kAlpha || inner.name == kLossy || inner.name == kLossless) {
        SMOL_RETURN_IF_ERROR(read_picture(inner));
      }
      at = inner.next;
    }
    if (!found_) return chunk.complete ? corrupt("a frame without a picture") : truncated();
    return {};
  }

  /// Alpha comes right in front of its picture.
  Status read_picture(const Chunk& chunk) {
    if (chunk.name == kAlpha) {
      if (!chunk.complete) return truncated();
      alpha_offset_ = chunk.offset;
      return {};
    }
    const bool has_alpha = chunk.name == kLossy && alpha_offset_ != 0;
    const std::size_t start = has_alpha ? alpha_offset_ : chunk.offset;
    const auto end = static_cast<std::size_t>(chunk.payload.data() - bytes_.data()) + chunk.payload.size();
    chunks_.picture = bytes_.subspan(start, end - start);
    chunks_.alpha_chunk_bytes = chunk.offset - start;
    chunks_.ends_early = !chunk.complete;
    found_ = true;
    WebPBitstreamFeatures features;
    const VP8StatusCode status = WebPGetFeatures(bytes_.data() + chunk.offset, end - chunk.offset, &features);
    if (status == VP8_STATUS_NOT_ENOUGH_DATA) return chunk.complete ? corrupt("short picture") : truncated();
    if (status != VP8_STATUS_OK) return corrupt("broken header of its picture");
    return finish_header(Size{features.width, features.height}, has_alpha || features.has_alpha != 0);
  }

  Status finish_header(Size picture, bool has_alpha) {
    ImageHeader& header = chunks_.header;
    header.alpha = has_alpha;
    header.compressed_bytes = static_cast<std::int64_t>(chunks_.picture.size());
    Rect& frame = chunks_.frame;
    if (!animated_) {
      frame = {0, 0, picture.width, picture.height};
      if (header.width == 0) {
        header.width = picture.width;
        header.height = picture.height;
      }
      if (header.width != picture.width || header.height != picture.height) {
        return corrupt("its picture has another size than its canvas");
      }
    }
    if (frame.width != picture.width || frame.height != picture.height) {
      return corrupt("a frame has another size than its picture");
    }
    const bool inside = frame.x + frame.width <= header.width && frame.y + frame.height <= header.height;
    return inside ? Status() : Status(corrupt("a frame beyond the canvas"));
  }

  ByteView bytes_;
  Faults& faults_;
  WebpChunks& chunks_;
  std::size_t alpha_offset_ = 0;
  bool animated_ = false, found_ = false, cut_ = false;
};

}  // namespace

Status read_webp_chunks(ByteView bytes, Faults& faults, WebpChunks& chunks) {
  chunks = WebpChunks{};
  chunks.header.format = "webp";
  chunks.header.max_scale_denominator = 1;
  chunks.header.planar = false;
  return WebpWalk(bytes, faults, chunks).run();
}

bool has_webp_signature(ByteView bytes) {
  return bytes.size() >= kRiffBytes && std::memcmp(bytes.data(), "RIFF", 4) == 0 &&
         std::memcmp(bytes.data() + 8, "WEBP", 4) == 0;
}

}  // namespace smol
