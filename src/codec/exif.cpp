#include "codec/exif.h"

#include <algorithm>
#include <array>
#include <optional>

namespace smol {
namespace {

constexpr std::array<std::uint8_t, 6> kExifPrefix{'E', 'x', 'i', 'f', 0, 0};
constexpr std::size_t kEntryBytes = 12;
constexpr std::uint32_t kOrientationTag = 0x0112, kThumbnailOffsetTag = 0x0201, kThumbnailBytesTag = 0x0202;
constexpr std::uint32_t kTypeShort = 3, kTypeLong = 4;

/// Bounds-checked integers of either byte order.
class TiffReader {
 public:
  static std::optional<TiffReader> open(ByteView bytes) {
    if (bytes.size() < 8) return std::nullopt;
    const bool little = bytes[0] == 'I' && bytes[1] == 'I';
    if (!little && !(bytes[0] == 'M' && bytes[1] == 'M')) return std::nullopt;
    TiffReader reader(bytes, little);
    if (reader.read(2, 2) != 42u) return std::nullopt;
    return reader;
  }

  [[nodiscard]] std::optional<std::uint32_t> read(std::size_t offset, std::size_t size) const {
    if (offset > bytes_.size() || bytes_.size() - offset < size) return std::nullopt;
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t at = little_ ? size - 1 - i : i;
      value = value << 8 | bytes_[offset + at];
    }
    return value;
  }

 private:
  TiffReader(ByteView bytes, bool little) : bytes_(bytes), little_(little) {}
  ByteView bytes_;
  bool little_;
};

/// The first entry of a directory with that tag, where it is a number.
std::optional<std::uint32_t> find_number(const TiffReader& reader, std::size_t directory, std::uint32_t wanted_tag) {
  const std::uint32_t num_entries = reader.read(directory, 2).value_or(0);
  for (std::uint32_t i = 0; i < num_entries; ++i) {
    const std::size_t entry = directory + 2 + i * kEntryBytes;
    const auto tag = reader.read(entry, 2);
    if (!tag) break;
    if (*tag != wanted_tag) continue;
    const auto type = reader.read(entry + 2, 2);
    if (type != kTypeShort && type != kTypeLong) break;
    return reader.read(entry + 8, type == kTypeShort ? 2 : 4);
  }
  return std::nullopt;
}

}  // namespace

Orientation exif_orientation(ByteView tiff) {
  const auto reader = TiffReader::open(tiff);
  if (!reader) return Orientation::kNormal;
  const auto directory = reader->read(4, 4);
  const auto value = directory ? find_number(*reader, *directory, kOrientationTag) : std::nullopt;
  return value && *value >= 1 && *value <= 8 ? static_cast<Orientation>(*value) : Orientation::kNormal;
}

ByteView exif_thumbnail(ByteView tiff) {
  const auto reader = TiffReader::open(tiff);
  if (!reader) return {};
  const auto first = reader->read(4, 4);
  const auto num_entries = first ? reader->read(*first, 2) : std::nullopt;
  if (!num_entries) return {};
  const auto second = reader->read(std::size_t{*first} + 2 + *num_entries * kEntryBytes, 4);
  if (!second || *second == 0) return {};
  const auto offset = find_number(*reader, *second, kThumbnailOffsetTag);
  const auto size = find_number(*reader, *second, kThumbnailBytesTag);
  if (!offset || !size || *offset > tiff.size() || tiff.size() - *offset < *size) return {};
  return tiff.subspan(*offset, *size);
}

ByteView app1_thumbnail(ByteView payload) {
  return is_exif_app1(payload) ? exif_thumbnail(payload.subspan(kExifPrefix.size())) : ByteView{};
}

bool is_exif_app1(ByteView payload) {
  return payload.size() >= kExifPrefix.size() && std::equal(kExifPrefix.begin(), kExifPrefix.end(), payload.begin());
}

Orientation app1_orientation(ByteView payload) {
  return is_exif_app1(payload) ? exif_orientation(payload.subspan(kExifPrefix.size())) : Orientation::kNormal;
}

}  // namespace smol
