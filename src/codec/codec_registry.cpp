#include <algorithm>
#include <array>
#include <cstring>
#include <new>

#include "smol/codec.h"

namespace smol {
namespace {

constexpr std::array<std::string_view, 4> kFailOnNames{"none", "truncated", "error", "warning"};

/// Formats known by their first bytes, for messages only.
struct Magic {
  std::size_t offset;
  std::string_view bytes, name;
};
using namespace std::string_view_literals;
constexpr std::array kMagics{
    Magic{8, "WEBP"sv, "WebP"},
    Magic{4, "ftypavif"sv, "AVIF"},
    Magic{4, "ftypavis"sv, "AVIF"},
    Magic{4, "ftyphei"sv, "HEIC"},
    Magic{4, "ftyphev"sv, "HEIC"},
    Magic{4, "ftypmif1"sv, "HEIF"},
    Magic{4, "ftyp"sv, "an MP4 or QuickTime file"},
    Magic{0, "GIF8"sv, "GIF"},
    Magic{0, "BM"sv, "BMP"},
    Magic{0, "II*\0"sv, "TIFF or a camera's raw format"},
    Magic{0, "MM\0*"sv, "TIFF or a camera's raw format"},
    Magic{0, "\0\0\0\x0CjP  \r\n"sv, "JPEG 2000"},
    Magic{0, "\xFF\x4F\xFF\x51"sv, "JPEG 2000"},
    Magic{0, "\0\0\0\x0CJXL \r\n"sv, "JPEG XL"},
    Magic{0, "\xFF\x0A"sv, "JPEG XL"},
    Magic{0, "P4"sv, "PBM"},
    Magic{0, "P5"sv, "PGM"},
    Magic{0, "P6"sv, "PPM"},
    Magic{0, "8BPS"sv, "Photoshop"},
    Magic{0, "%PDF"sv, "PDF"},
    Magic{0, "RIFF"sv, "RIFF (AVI, WAV)"},
    Magic{0, "\x1A\x45\xDF\xA3"sv, "Matroska or WebM"},
    Magic{0, "PK\x03\x04"sv, "a ZIP archive"},
    Magic{0, "\x1F\x8B"sv, "gzip"},
    Magic{0, "<svg"sv, "SVG"},
    Magic{0, "<?xml"sv, "XML"},
    Magic{0, "<!DOCTYPE"sv, "HTML"},
    Magic{0, "<html"sv, "HTML"},
};

std::string_view guess_name(ByteView bytes) {
  for (const Magic& magic : kMagics) {
    if (bytes.size() >= magic.offset + magic.bytes.size() &&
        std::memcmp(bytes.data() + magic.offset, magic.bytes.data(), magic.bytes.size()) == 0) {
      return magic.name;
    }
  }
  return {};
}

std::string first_bytes_in_hex(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes.first(std::min<std::size_t>(bytes.size(), 8))) {
    if (!text.empty()) text += ' ';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// Copies what it is given.
class ImageWriter final : public RowConsumer {
 public:
  explicit ImageWriter(Image& image) : image_(image) {}

  Status begin(const Rect& delivered, Size, PixelFormat format) override {
    image_.reshape(format, delivered.width, delivered.height);
    top_ = delivered.y;
    return {};
  }

  bool rows(int y, const ImageView& rows) override {
    const int num_planes = rows.format == PixelFormat::kYcc8Planar ? 3 : 1;
    for (int i = 0; i < num_planes; ++i) copy_plane(i, y - top_, rows);
    return true;
  }

 private:
  void copy_plane(int index, int top, const ImageView& rows) {
    const Plane& from = rows.planes[index];
    Plane& to = image_.view().planes[index];
    if (index > 0) {
      // Chroma rows simply follow one another: groups begin at whole chroma rows.
      if (top == 0) to.height = 0;
      top = to.height;
      to.width = from.width;
      to.height += from.height;
    }
    const std::size_t row_bytes = static_cast<std::size_t>(from.width) * bytes_per_pixel(rows.format);
    for (int row = 0; row < from.height; ++row) {
      std::memcpy(to.data + (top + row) * to.stride_bytes, from.data + row * from.stride_bytes, row_bytes);
    }
  }

  Image& image_;
  int top_ = 0;
};

}  // namespace

std::string_view name_of(FailOn fail_on) { return kFailOnNames.at(static_cast<std::size_t>(fail_on)); }

Result<FailOn> parse_fail_on(std::string_view name) {
  for (std::size_t i = 0; i < kFailOnNames.size(); ++i) {
    if (kFailOnNames[i] == name) return static_cast<FailOn>(i);
  }
  return Error{ErrorCode::kInvalidArgument, "fail-on must be one of none, truncated, error, warning: " + std::string(name)};
}

Status CodecRegistry::add(std::unique_ptr<const Codec> codec) {
  if (find(codec->name()) != nullptr) {
    return Error{ErrorCode::kInvalidArgument, "a codec of this name is registered already: " + std::string(codec->name())};
  }
  codecs_.push_back(std::move(codec));
  return {};
}

void CodecRegistry::add_unavailable(UnavailableCodec entry) { unavailable_.push_back(std::move(entry)); }

const Codec* CodecRegistry::sniff(ByteView bytes) const {
  const auto found = std::find_if(codecs_.begin(), codecs_.end(), [&](const auto& codec) { return codec->sniff(bytes); });
  return found == codecs_.end() ? nullptr : found->get();
}

const Codec* CodecRegistry::find(std::string_view name) const {
  const auto found = std::find_if(codecs_.begin(), codecs_.end(), [&](const auto& codec) { return codec->name() == name; });
  return found == codecs_.end() ? nullptr : found->get();
}

Error CodecRegistry::unrecognised(ByteView bytes) const {
  std::string readable;
  for (const auto& codec : codecs_) {
    if (!readable.empty()) readable += ", ";
    readable += codec->name();
  }
  if (bytes.empty()) return Error{ErrorCode::kTruncated, "the file is empty; fetch or copy it again", Stage::kDecode};
  std::string message = "not a picture in a format that can be read here (" + readable + "); ";
  const std::string_view name = guess_name(bytes);
  if (!name.empty()) {
    message += "convert it first, it looks like " + std::string(name);
  } else {
    message += "its first bytes are " + first_bytes_in_hex(bytes);
  }
  return Error{ErrorCode::kUnsupported, std::move(message), Stage::kDecode};
}

Result<DecodeReport> decode_to_image(Decoder& decoder, ByteView bytes, const DecodeRequest& request, Image& image) {
  try {
    ImageWriter writer(image);
    return decoder.decode(bytes, request, writer);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "no memory for a decoded picture", Stage::kDecode};
  }
}

}  // namespace smol
