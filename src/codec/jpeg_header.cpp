#include "codec/jpeg_header.h"

#include <algorithm>
#include <optional>

#include "codec/exif.h"

namespace smol {
namespace {

enum Marker : int {
  kSoi = 0xD8,
  kEoi = 0xD9,
  kSos = 0xDA,
  kDri = 0xDD,
  kApp1 = 0xE1,
  kTem = 0x01,
};

bool has_no_length(int marker) { return marker == kTem || (marker >= 0xD0 && marker <= kEoi); }
/// SOF0..SOF15 without DHT (C4), JPG (C8) and DAC (CC).
bool is_frame_header(int marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}
int read_u16(ByteView bytes, std::size_t offset) { return bytes[offset] << 8 | bytes[offset + 1]; }

Error corrupt(const char* what) {
  return Error{ErrorCode::kCorrupt, std::string("JPEG header is corrupt: ") + what, Stage::kDecode};
}
Error truncated() {
  return Error{ErrorCode::kTruncated, "JPEG ends inside its header; fetch or copy the file again", Stage::kDecode};
}
Error unsupported(const std::string& what) {
  return Error{ErrorCode::kUnsupported,
               "JPEG variant cannot be decoded; convert it to an 8-bit baseline or progressive JPEG: " + what,
               Stage::kDecode};
}

/// Samplings of the frame's components, luma against the rest.
Status read_components(ByteView segment, ImageHeader& header) {
  const int num_components = segment[5];
  if (num_components == 0) return corrupt("no colour components");
  if (num_components == 2 || num_components > 4) return unsupported(std::to_string(num_components) + " colour components");
  if (segment.size() < 6 + 3 * static_cast<std::size_t>(num_components)) return corrupt("frame header too short");
  int max_horizontal = 1, max_vertical = 1;
  for (int i = 0; i < num_components; ++i) {
    const int sampling = segment[6 + 3 * i + 1];
    const int horizontal = sampling >> 4, vertical = sampling & 15;
    if (horizontal < 1 || horizontal > 4 || vertical < 1 || vertical > 4) return corrupt("sampling factors outside 1..4");
    max_horizontal = std::max(max_horizontal, horizontal);
    max_vertical = std::max(max_vertical, vertical);
  }
  header.channels = num_components;
  if (num_components >= 3) {
    const int chroma = segment[6 + 3 + 1];
    header.chroma_horizontal = max_horizontal / (chroma >> 4);
    header.chroma_vertical = max_vertical / (chroma & 15);
  }
  return {};
}

Status read_frame_header(int marker, ByteView segment, ImageHeader& header) {
  constexpr int kBaseline = 0xC0, kExtended = 0xC1, kProgressive = 0xC2, kArithmetic = 0xC9, kArithmeticProgressive = 0xCA;
  if (segment.size() < 6) return corrupt("frame header too short");
  if (marker != kBaseline && marker != kExtended && marker != kProgressive && marker != kArithmetic &&
      marker != kArithmeticProgressive) {
    return unsupported("lossless or hierarchical coding");
  }
  header.bits = segment[0];
  header.height = read_u16(segment, 1);
  header.width = read_u16(segment, 3);
  header.progressive = marker == kProgressive || marker == kArithmeticProgressive;
  if (header.bits != 8) return unsupported(std::to_string(header.bits) + " bits a sample");
  if (header.width == 0) return corrupt("width 0");
  if (header.height == 0) return unsupported("height given only after the picture (DNL)");
  return read_components(segment, header);
}

class MarkerScan {
 public:
  explicit MarkerScan(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] ByteView thumbnail() const { return thumbnail_; }

  Result<ImageHeader> run() {
    header_.format = "jpeg";
    if (bytes_.size() < 2) return truncated();
    if (bytes_[0] != 0xFF || bytes_[1] != kSoi) return corrupt("no start-of-image marker");
    for (;;) {
      const auto marker = next_marker();
      if (!marker) return truncated();
      if (*marker == kSos) return finish();
      if (*marker == kEoi) return corrupt("no picture between its start and end markers");
      if (has_no_length(*marker)) continue;
      SMOL_RETURN_IF_ERROR(read_segment(*marker));
    }
  }

 private:
  /// Skips stray bytes as libjpeg does, fill bytes, and stuffed zeros.
  std::optional<int> next_marker() {
    for (;;) {
      while (position_ < bytes_.size() && bytes_[position_] != 0xFF) ++position_;
      while (position_ < bytes_.size() && bytes_[position_] == 0xFF) ++position_;
      if (position_ >= bytes_.size()) return std::nullopt;
      const int marker = bytes_[position_++];
      if (marker != 0) return marker;
    }
  }

  Status read_segment(int marker) {
    if (bytes_.size() - position_ < 2) return truncated();
    const auto length = static_cast<std::size_t>(read_u16(bytes_, position_));
    if (length < 2) return corrupt("segment shorter than its length field");
    if (bytes_.size() - position_ < length) return truncated();
    const ByteView segment = bytes_.subspan(position_ + 2, length - 2);
    position_ += length;
    if (is_frame_header(marker)) {
      if (has_frame_) return corrupt("two frame headers");
      has_frame_ = true;
      return read_frame_header(marker, segment, header_);
    }
    if (marker == kDri && segment.size() >= 2) header_.restart_interval = read_u16(segment, 0);
    // The first EXIF segment counts, as for other readers; XMP shares the marker.
    if (marker == kApp1 && !has_exif_ && is_exif_app1(segment)) {
      has_exif_ = true;
      header_.orientation = app1_orientation(segment);
      thumbnail_ = app1_thumbnail(segment);
    }
    return {};
  }

  Result<ImageHeader> finish() {
    if (!has_frame_) return corrupt("a scan before any frame header");
    // Entropy-coded data begin here; embedded thumbnails and profiles cost no decoding.
    header_.compressed_bytes = static_cast<std::int64_t>(bytes_.size() - position_);
    read_thumbnail();
    return header_;
  }

  /// States only thumbnails that may stand in for the picture: decoded alike, and smaller.
  void read_thumbnail() {
    if (thumbnail_.empty()) return;
    MarkerScan scan(thumbnail_);
    scan.has_exif_ = true;  // a thumbnail of the thumbnail would be none of the picture
    const Result<ImageHeader> header = scan.run();
    if (!header.ok() || header->channels != header_.channels || header->progressive || header->width >= header_.width ||
        header->height >= header_.height) {
      thumbnail_ = {};
      return;
    }
    header_.thumbnail = {header->width, header->height, header->compressed_bytes};
  }

  ByteView bytes_;
  std::size_t position_ = 2;
  ImageHeader header_;
  bool has_frame_ = false, has_exif_ = false;
  ByteView thumbnail_;
};

}  // namespace

Result<ImageHeader> read_jpeg_header(ByteView bytes) { return MarkerScan(bytes).run(); }

ByteView find_jpeg_thumbnail(ByteView bytes) {
  MarkerScan scan(bytes);
  return scan.run().ok() ? scan.thumbnail() : ByteView{};
}

}  // namespace smol
