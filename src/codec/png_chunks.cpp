#include "codec/png_chunks.h"

#include <libdeflate.h>

#include <algorithm>
#include <cstring>

#include "codec/exif.h"

namespace smol {
namespace {

constexpr std::array<std::uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
constexpr std::size_t kHeaderBytes = 13, kChunkOverhead = 12;
constexpr std::uint32_t kMaxLength = 0x7FFFFFFF;

constexpr std::uint32_t type_of(const char (&name)[5]) {
  return static_cast<std::uint32_t>(name[0]) << 24 | static_cast<std::uint32_t>(name[1]) << 16 |
         static_cast<std::uint32_t>(name[2]) << 8 | static_cast<std::uint32_t>(name[3]);
}
constexpr std::uint32_t kIhdr = type_of("IHDR"), kPlte = type_of("PLTE"), kIdat = type_of("IDAT"), kIend = type_of("IEND"),
                        kTrns = type_of("tRNS"), kExif = type_of("eXIf"), kActl = type_of("acTL"), kCgbi = type_of("CgBI");
/// Lower-case first letter: decoders may ignore it.
constexpr bool is_ancillary(std::uint32_t type) { return (type >> 29 & 1) != 0; }

std::uint32_t read_u32(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

Error corrupt(std::string_view what) { return corrupt_error("PNG", what); }
Error truncated() { return header_truncated_error("PNG"); }

bool is_allowed(PngColor color, int bits) {
  switch (color) {
    case PngColor::kGray:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8 || bits == 16;
    case PngColor::kPalette:
      return bits == 1 || bits == 2 || bits == 4 || bits == 8;
    case PngColor::kRgb:
    case PngColor::kGrayAlpha:
    case PngColor::kRgba:
      return bits == 8 || bits == 16;
  }
  return false;
}

/// One pass over the chunks. THE table of faults:
///   fatal      checksum of IHDR or PLTE; a bad filter byte; broken deflate data (both in png_decoder.cpp)
///   recovered  checksum of an IDAT chunk, Adler-32 of the pixels (Pillow checks neither), unknown critical chunk
///   harmless   checksum of an ancillary chunk (the chunk is ignored), no IEND, no Adler-32, surplus pixel data
class ChunkWalk {
 public:
  ChunkWalk(ByteView bytes, bool verify_checksums, Faults& faults, PngChunks& chunks)
      : bytes_(bytes), verify_(verify_checksums), faults_(faults), chunks_(chunks) {}

  Status run() {
    SMOL_RETURN_IF_ERROR(read_first_chunk());
    while (!ended_) SMOL_RETURN_IF_ERROR(read_chunk());
    if (chunks_.color == PngColor::kPalette && !has_palette_ && !chunks_.data.empty()) return corrupt("no palette");
    return {};
  }

 private:
  Status read_first_chunk() {
    if (!has_png_signature(bytes_)) {
      return bytes_.size() < kSignature.size() ? truncated() : corrupt("wrong signature");
    }
    if (left() < kChunkOverhead + kHeaderBytes) return truncated();
    const std::uint32_t type = read_u32(&bytes_[position_ + 4]);
    if (type == kCgbi) {
      return Error{ErrorCode::kUnsupported,
                   "PNG uses Apple's CgBI variant; convert it with `pngcrush -revert-iphone-optimizations`", Stage::kDecode};
    }
    if (type != kIhdr || read_u32(&bytes_[position_]) != kHeaderBytes) return corrupt("no IHDR chunk at its beginning");
    SMOL_RETURN_IF_ERROR(check_checksum(kIhdr, kHeaderBytes));
    SMOL_RETURN_IF_ERROR(read_header(bytes_.subspan(position_ + 8, kHeaderBytes)));
    position_ += kChunkOverhead + kHeaderBytes;
    return {};
  }

  Status read_header(ByteView ihdr) {
    const std::uint32_t width = read_u32(&ihdr[0]), height = read_u32(&ihdr[4]);
    if (width == 0 || height == 0 || width > kMaxLength || height > kMaxLength)
      return corrupt("width or height out of range");
    ImageHeader& header = chunks_.header;
    header.format = "png";
    header.max_scale_denominator = 1;
    header.planar = false;
    header.width = static_cast<int>(width);
    header.height = static_cast<int>(height);
    header.bits = ihdr[8];
    chunks_.color = static_cast<PngColor>(ihdr[9]);
    if (!is_allowed(chunks_.color, header.bits)) {
      return corrupt("colour type and depth do not go together: " + std::to_string(ihdr[9]) + ", " +
                     std::to_string(ihdr[8]));
    }
    if (ihdr[10] != 0 || ihdr[11] != 0 || ihdr[12] > 1) return corrupt("unknown compression, filter or interlace method");
    header.progressive = ihdr[12] == 1;
    header.palette = chunks_.color == PngColor::kPalette;
    header.alpha = chunks_.color == PngColor::kGrayAlpha || chunks_.color == PngColor::kRgba;
    header.channels = chunks_.color == PngColor::kGray || chunks_.color == PngColor::kGrayAlpha ? 1 : 3;
    return {};
  }

  Status read_chunk() {
    if (left() < 8) return end_of_bytes();
    const std::uint32_t length = read_u32(&bytes_[position_]), type = read_u32(&bytes_[position_ + 4]);
    if (length > kMaxLength) return corrupt("chunk longer than 2^31 - 1 bytes");
    const std::size_t available = std::min<std::size_t>(length, left() - 8);
    const ByteView payload = bytes_.subspan(position_ + 8, available);
    if (type == kIdat && available > 0) {
      chunks_.data.push_back(payload);
      chunks_.header.compressed_bytes += static_cast<std::int64_t>(available);
    }
    if (left() < kChunkOverhead + length) return end_of_bytes();
    if (type == kIend) {
      ended_ = true;
      return {};
    }
    const bool checked = checksum_matches(length);
    if (!checked) SMOL_RETURN_IF_ERROR(check_checksum(type, length));
    if (checked || !is_ancillary(type)) SMOL_RETURN_IF_ERROR(use(type, payload));
    position_ += kChunkOverhead + length;
    return {};
  }

  Status use(std::uint32_t type, ByteView payload) {
    ImageHeader& header = chunks_.header;
    if (type == kPlte) return read_palette(payload);
    if (type == kTrns) read_transparency(payload);
    if (type == kExif) header.orientation = exif_orientation(payload);
    if (type == kActl && payload.size() >= 8)
      header.num_frames = static_cast<int>(std::clamp(read_u32(&payload[0]), 1u, kMaxLength));
    if (!is_ancillary(type) && type != kIdat) return faults_.note(Fault::kRecovered, "unknown critical chunk");
    return {};
  }

  Status read_palette(ByteView payload) {
    if (chunks_.color != PngColor::kPalette) return {};  // a suggestion for displays of old
    if (payload.empty() || payload.size() % 3 != 0 || payload.size() > 768) return corrupt("palette of a wrong length");
    has_palette_ = true;
    for (std::size_t i = 0; i < payload.size() / 3; ++i) std::memcpy(&chunks_.palette.rgba[4 * i], &payload[3 * i], 3);
    return {};
  }

  void read_transparency(ByteView payload) {
    ImageHeader& header = chunks_.header;
    header.alpha = true;
    if (header.palette) {
      for (std::size_t i = 0; i < std::min<std::size_t>(payload.size(), 256); ++i)
        chunks_.palette.rgba[4 * i + 3] = payload[i];
      return;
    }
    const std::size_t num_samples = header.channels == 1 ? 1 : 3;
    if (payload.size() < 2 * num_samples || chunks_.color == PngColor::kGrayAlpha || chunks_.color == PngColor::kRgba)
      return;
    std::array<std::uint16_t, 3> color{};
    for (std::size_t i = 0; i < num_samples; ++i)
      color[i] = static_cast<std::uint16_t>(payload[2 * i] << 8 | payload[2 * i + 1]);
    chunks_.transparent_color = color;
  }

  Status end_of_bytes() {
    ended_ = true;
    chunks_.ends_early = true;
    return faults_.note(Fault::kHarmless, "no IEND chunk");
  }

  [[nodiscard]] bool checksum_matches(std::uint32_t length) const {
    if (!verify_) return true;
    const std::uint8_t* const chunk = &bytes_[position_];
    return libdeflate_crc32(0, chunk + 4, 4 + std::size_t{length}) == read_u32(chunk + 8 + length);
  }
  Status check_checksum(std::uint32_t type, std::uint32_t length) {
    if (checksum_matches(length)) return {};
    if (is_ancillary(type)) return faults_.note(Fault::kHarmless, "checksum of an ancillary chunk");
    return faults_.note(type == kIdat ? Fault::kRecovered : Fault::kFatal, "checksum of a critical chunk");
  }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }

  ByteView bytes_;
  bool verify_;
  Faults& faults_;
  PngChunks& chunks_;
  std::size_t position_ = kSignature.size();
  bool ended_ = false, has_palette_ = false;
};

}  // namespace

int PngChunks::bits_per_pixel() const {
  switch (color) {
    case PngColor::kGray:
    case PngColor::kPalette:
      return header.bits;
    case PngColor::kGrayAlpha:
      return 2 * header.bits;
    case PngColor::kRgb:
      return 3 * header.bits;
    case PngColor::kRgba:
      return 4 * header.bits;
  }
  return 0;
}

std::size_t PngChunks::row_bytes() const { return (static_cast<std::size_t>(header.width) * bits_per_pixel() + 7) / 8; }

Status read_png_chunks(ByteView bytes, bool verify_checksums, Faults& faults, PngChunks& chunks) {
  chunks.header = ImageHeader{};
  chunks.data.clear();
  chunks.ends_early = false;
  chunks.palette.clear();
  chunks.transparent_color.reset();
  return ChunkWalk(bytes, verify_checksums, faults, chunks).run();
}

bool has_png_signature(ByteView bytes) {
  return bytes.size() >= kSignature.size() && std::equal(kSignature.begin(), kSignature.end(), bytes.begin());
}

}  // namespace smol
