#include "codec/tiff_layout.h"

#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "codec/faults.h"

namespace smol {
namespace {

constexpr int kMaxSamples = 8;
constexpr std::uint32_t kDngVersionTag = 50706;

Error corrupt(std::string_view what) { return corrupt_error("TIFF", what); }
Error unsupported(const std::string& what) {
  return Error{ErrorCode::kUnsupported,
               "TIFF " + what + " cannot be read here; convert it to 8 bits RGB, for example with " +
                   "`tiff2rgba` or `mogrify -format png`",
               Stage::kDecode};
}

bool is_fax(std::uint16_t compression) {
  return compression == COMPRESSION_CCITTRLE || compression == COMPRESSION_CCITTFAX3 || compression == COMPRESSION_CCITTFAX4;
}

bool is_known(std::uint16_t compression) {
  constexpr std::uint16_t kKnown[] = {COMPRESSION_NONE,    COMPRESSION_LZW,      COMPRESSION_ADOBE_DEFLATE,
                                      COMPRESSION_DEFLATE, COMPRESSION_PACKBITS, COMPRESSION_JPEG};
  return is_fax(compression) || std::find(std::begin(kKnown), std::end(kKnown), compression) != std::end(kKnown);
}

class LayoutReader {
 public:
  LayoutReader(TiffFile& file, TiffLayout& layout) : file_(file), layout_(layout) {}

  Status run() {
    if (file_.has_field(kDngVersionTag)) return unsupported("of a camera (raw data)");
    SMOL_RETURN_IF_ERROR(read_size());
    compression_ = file_.small_field(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    if (!is_known(compression_) || TIFFIsCODECConfigured(compression_) == 0) {
      return unsupported("with compression " + std::to_string(compression_));
    }
    SMOL_RETURN_IF_ERROR(read_samples());
    SMOL_RETURN_IF_ERROR(read_color());
    SMOL_RETURN_IF_ERROR(read_alpha());
    SMOL_RETURN_IF_ERROR(read_blocks());
    finish_header();
    return {};
  }

 private:
  Status read_size() {
    constexpr std::uint32_t kMost = 0x7FFFFFFF;
    const std::uint32_t width = file_.large_field(TIFFTAG_IMAGEWIDTH, 0), height = file_.large_field(TIFFTAG_IMAGELENGTH, 0);
    if (width == 0 || height == 0 || width > kMost || height > kMost) return corrupt("width or height out of range");
    layout_.header.width = static_cast<int>(width);
    layout_.header.height = static_cast<int>(height);
    const std::uint16_t orientation = file_.small_field(TIFFTAG_ORIENTATION, 1);
    if (orientation >= 1 && orientation <= 8) layout_.header.orientation = static_cast<Orientation>(orientation);
    return {};
  }

  Status read_samples() {
    layout_.bits = file_.small_field(TIFFTAG_BITSPERSAMPLE, 1);
    layout_.samples = file_.small_field(TIFFTAG_SAMPLESPERPIXEL, 1);
    layout_.planar =
        layout_.samples > 1 && file_.small_field(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE;
    const std::uint16_t format = file_.small_field(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) return unsupported("with signed or real samples");
    if (layout_.samples < 1 || layout_.samples > kMaxSamples) {
      return unsupported("with " + std::to_string(layout_.samples) + " samples a pixel");
    }
    const int bits = layout_.bits;
    const bool packed = bits == 1 || bits == 2 || bits == 4;
    if ((!packed && bits != 8 && bits != 16) || (packed && layout_.samples > 1)) {
      return unsupported("with " + std::to_string(bits) + " bits a sample");
    }
    return {};
  }

  Status read_color() {
    const std::uint16_t usual = layout_.samples >= 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISWHITE;
    const std::uint16_t photometric = file_.small_field(TIFFTAG_PHOTOMETRIC, usual);
    switch (photometric) {
      case PHOTOMETRIC_MINISWHITE:
        return use_color(TiffColor::kInvertedGray, 1);
      case PHOTOMETRIC_MINISBLACK:
        return use_color(TiffColor::kGray, 1);
      case PHOTOMETRIC_RGB:
        return use_color(TiffColor::kRgb, 3);
      case PHOTOMETRIC_PALETTE:
        SMOL_RETURN_IF_ERROR(read_palette());
        return use_color(TiffColor::kPalette, 1);
      case PHOTOMETRIC_SEPARATED:
        if (file_.small_field(TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK) return unsupported("with inks other than CMYK");
        return use_color(TiffColor::kCmyk, 4);
      case PHOTOMETRIC_YCBCR:
        return use_ycbcr();
      default:
        return unsupported("with colours of kind " + std::to_string(photometric));
    }
  }

  Status use_color(TiffColor color, int num_colors) {
    layout_.color = color;
    num_colors_ = num_colors;
    if (layout_.samples < num_colors) return corrupt("too few samples a pixel");
    return {};
  }

  Status use_ycbcr() {
    if (layout_.samples != 3 || layout_.bits != 8 || layout_.planar) return unsupported("with YCbCr of this layout");
    if (compression_ != COMPRESSION_JPEG) return use_color(TiffColor::kRaster, 3);
    if (TIFFSetField(file_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB) != 1) return corrupt("broken JPEG fields");
    return use_color(TiffColor::kRgb, 3);
  }

  /// 16 bits a colour, of which the upper ones count, as in Pillow; files of old have 8.
  Status read_palette() {
    if (layout_.bits > 8) return unsupported("with a palette of more than 256 colours");
    std::uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
    if (TIFFGetField(file_.get(), TIFFTAG_COLORMAP, &red, &green, &blue) != 1) return corrupt("no palette");
    const int size = 1 << layout_.bits;
    bool wide = false;
    for (int i = 0; i < size; ++i) wide = wide || red[i] > 255 || green[i] > 255 || blue[i] > 255;
    const int shift = wide ? 8 : 0;
    layout_.palette.clear();
    for (int i = 0; i < size; ++i) {
      layout_.palette.set(i, static_cast<std::uint8_t>(red[i] >> shift), static_cast<std::uint8_t>(green[i] >> shift),
                          static_cast<std::uint8_t>(blue[i] >> shift));
    }
    return {};
  }

  Status read_alpha() {
    layout_.alpha = TiffAlpha::kNone;
    std::uint16_t count = 0;
    std::uint16_t* kinds = nullptr;
    const bool stated = TIFFGetField(file_.get(), TIFFTAG_EXTRASAMPLES, &count, &kinds) == 1 && count > 0;
    const bool may_have =
        layout_.color == TiffColor::kGray || layout_.color == TiffColor::kInvertedGray || layout_.color == TiffColor::kRgb;
    if (!may_have || layout_.samples <= num_colors_) return {};
    if (!stated) {
      // As Pillow has it: a fourth sample that nothing is said of.
      if (layout_.color == TiffColor::kRgb && layout_.samples == 4) layout_.alpha = TiffAlpha::kStraight;
    } else if (kinds[0] == EXTRASAMPLE_ASSOCALPHA) {
      layout_.alpha = TiffAlpha::kPremultiplied;
    } else if (kinds[0] == EXTRASAMPLE_UNASSALPHA) {
      layout_.alpha = TiffAlpha::kStraight;
    }
    return {};
  }

  Status read_blocks() {
    layout_.tiled = TIFFIsTiled(file_.get()) != 0;
    const std::uint32_t tag_width = layout_.tiled ? TIFFTAG_TILEWIDTH : TIFFTAG_IMAGEWIDTH;
    const std::uint32_t tag_height = layout_.tiled ? TIFFTAG_TILELENGTH : TIFFTAG_ROWSPERSTRIP;
    const auto height = static_cast<std::uint32_t>(layout_.header.height);
    const std::uint32_t block_width = file_.large_field(tag_width, 0);
    std::uint32_t block_height = file_.large_field(tag_height, height);
    if (!layout_.tiled) block_height = std::min(block_height, height);
    constexpr std::uint32_t kMostSide = 1 << 20;
    if (block_width == 0 || block_height == 0) return corrupt("empty strips or tiles");
    if (layout_.tiled && (block_width > kMostSide || block_height > kMostSide)) return unsupported("with such large tiles");
    layout_.block_width = static_cast<int>(block_width);
    layout_.block_height = static_cast<int>(block_height);
    return {};
  }

  void finish_header() {
    ImageHeader& header = layout_.header;
    header.bits = layout_.bits;
    header.palette = layout_.color == TiffColor::kPalette;
    header.alpha = layout_.alpha != TiffAlpha::kNone;
    const bool gray = layout_.color == TiffColor::kGray || layout_.color == TiffColor::kInvertedGray;
    header.channels = gray ? 1 : layout_.color == TiffColor::kCmyk ? 4 : 3;
  }

  TiffFile& file_;
  TiffLayout& layout_;
  std::uint16_t compression_ = COMPRESSION_NONE;
  int num_colors_ = 3;
};

std::uint8_t straight(int value, int alpha) {
  if (alpha == 0) return 0;
  return static_cast<std::uint8_t>(std::min(255, value * 255 / alpha));
}

/// Samples of any other depth than 8 bits to those, filling the range.
void to_bytes(const TiffLayout& layout, const std::uint8_t* row, int count, std::uint8_t* out) {
  if (layout.bits == 16) {
    for (int i = 0; i < count; ++i) {
      std::uint16_t value = 0;
      std::memcpy(&value, row + 2 * i, 2);
      out[i] = narrow_sample(value);
    }
  } else {
    unpack_samples(row, count, layout.bits, out);
    const int scale = 255 / ((1 << layout.bits) - 1);
    for (int i = 0; i < count; ++i) out[i] = static_cast<std::uint8_t>(out[i] * scale);
  }
}

/// As Pillow's convert("RGB").
void cmyk_to_rgb(const std::uint8_t* pixel, std::uint8_t* out) {
  const int light = 255 - pixel[3];
  for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(light - composite(light, pixel[c], 0));
}

}  // namespace

SampleOrder TiffLayout::order() const {
  const bool has_alpha = alpha != TiffAlpha::kNone;
  if (color == TiffColor::kRaster) return SampleOrder::kRgba;
  if (header.channels == 1) return has_alpha ? SampleOrder::kGrayAlpha : SampleOrder::kGray;
  return has_alpha ? SampleOrder::kRgba : SampleOrder::kRgb;
}

bool TiffLayout::needs_conversion() const {
  if (color == TiffColor::kRaster) return false;
  const int num_colors = header.channels == 1 ? 1 : 3;
  const bool plain_color = color == TiffColor::kGray || color == TiffColor::kRgb;
  const int expected = num_colors + (alpha == TiffAlpha::kNone ? 0 : 1);
  return !plain_color || bits != 8 || alpha == TiffAlpha::kPremultiplied || samples != expected;
}

Status read_tiff_layout(TiffFile& file, TiffLayout& layout) {
  layout.header = ImageHeader{};
  layout.header.format = "tiff";
  layout.header.max_scale_denominator = 1;
  layout.header.planar = false;
  return LayoutReader(file, layout).run();
}

void convert_tiff_row(const TiffLayout& layout, std::uint8_t* row, int width, std::uint8_t* out) {
  const int samples = layout.samples;
  std::uint8_t* bytes = row;
  // In place: no sample grows beyond the room it has, but for those of less than 8 bits, which are alone in their pixel.
  if (layout.bits < 8) {
    to_bytes(layout, row, width, out);
    bytes = out;
  } else if (layout.bits == 16) {
    to_bytes(layout, row, width * samples, row);
  }
  const bool gray = layout.header.channels == 1;
  const int num_colors = gray ? 1 : layout.color == TiffColor::kCmyk ? 4 : 3;
  const bool has_alpha = layout.alpha != TiffAlpha::kNone;
  const int step = (gray ? 1 : 3) + (has_alpha ? 1 : 0);
  for (int i = 0; i < width; ++i) {
    const std::uint8_t* const pixel = bytes + i * samples;
    std::uint8_t* const target = out + i * step;
    if (layout.color == TiffColor::kCmyk) {
      cmyk_to_rgb(pixel, target);
      continue;
    }
    const int alpha = has_alpha ? pixel[num_colors] : 255;
    for (int c = 0; c < num_colors; ++c) {
      std::uint8_t value = pixel[c];
      if (layout.color == TiffColor::kInvertedGray) value = static_cast<std::uint8_t>(255 - value);
      target[c] = layout.alpha == TiffAlpha::kPremultiplied ? straight(value, alpha) : value;
    }
    if (has_alpha) target[num_colors] = static_cast<std::uint8_t>(alpha);
  }
}

void convert_tiff_indices(const TiffLayout& layout, const std::uint8_t* row, int width, std::uint8_t* out) {
  if (layout.bits < 8) return unpack_samples(row, width, layout.bits, out);
  for (int i = 0; i < width; ++i) out[i] = row[i * layout.samples];
}

}  // namespace smol
