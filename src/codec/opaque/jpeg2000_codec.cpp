/// JPEG 2000 by OpenJPEG: JP2 files and raw codestreams, resolution levels, regions; 1 to 38 bits, grey, RGB, YCC, CMYK and
/// palettes, components of any sampling. Alpha is dropped.

#include <openjpeg.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "codec/isolated/isolated_codec.h"
#include "codec/opaque/jpeg2000_stream.h"
#include "codec/opaque/opaque_decoder.h"

namespace smol {
namespace {

struct FreeOpenJpeg {
  void operator()(opj_codec_t* codec) const { opj_destroy_codec(codec); }
  void operator()(opj_image_t* image) const { opj_image_destroy(image); }
};

/// Samples of one component at the pixels of the picture: repeated where it has fewer.
class Samples {
 public:
  Samples(const opj_image_comp_t& component, const opj_image_comp_t& reference, const Rect& on_grid)
      : component_(component),
        step_x_(std::max(component.dx / std::max(reference.dx, 1U), 1U)),
        step_y_(std::max(component.dy / std::max(reference.dy, 1U), 1U)),
        wanted_(on_grid) {}

  /// Fills a row of 8-bit values, `y` from the top of what was wanted.
  void row(int y, std::uint8_t* to) const {
    const std::int64_t at_y = index((wanted_.y + y) / static_cast<int>(step_y_), first(component_.y0), component_.h);
    const OPJ_INT32* const from = component_.data + at_y * component_.w;
    const std::int64_t bias = component_.sgnd != 0 ? std::int64_t{1} << (component_.prec - 1) : 0;
    const std::int64_t max_value = (std::int64_t{1} << component_.prec) - 1;
    for (int x = 0; x < wanted_.width; ++x) {
      const std::int64_t at = index((wanted_.x + x) / static_cast<int>(step_x_), first(component_.x0), component_.w);
      const std::int64_t value = std::clamp<std::int64_t>(from[at] + bias, 0, max_value);
      to[x] = max_value == 255 ? static_cast<std::uint8_t>(value) : to_eight_bits(value, max_value);
    }
  }

 private:
  /// OpenJPEG states where a component begins at full resolution.
  [[nodiscard]] std::int64_t first(std::uint32_t at) const {
    return (std::int64_t{at} + (std::int64_t{1} << component_.factor) - 1) >> component_.factor;
  }
  static std::int64_t index(int at, std::int64_t first, std::uint32_t count) {
    return std::clamp<std::int64_t>(at - first, 0, std::int64_t{count} - 1);
  }

  const opj_image_comp_t& component_;
  std::uint32_t step_x_, step_y_;
  Rect wanted_;
};

enum class Colours : std::uint8_t { kGray, kRgb, kYcc, kCmyk };

class Jpeg2000Decoder final : public OpaqueDecoder {
 public:
  Jpeg2000Decoder() : OpaqueDecoder("jpeg2000") {}

 protected:
  Result<ImageHeader> open(ByteView bytes, FailOn fail_on) override;
  Result<DecodedPixels> read(const DecodeRequest& request, const Rect& wanted, Size size) override;
  void close() override {
    image_.reset();
    codec_.reset();
  }

 private:
  [[nodiscard]] Error failure(const std::string& what) const;
  Status open_codec(ByteView bytes, FailOn fail_on);
  void describe(ImageHeader& header) const;
  [[nodiscard]] Result<Colours> colours() const;
  Status decode_pixels(const DecodeRequest& request, const Rect* area);
  Status set_area(const Rect& wanted, int denominator);
  void convert(Colours colours, const Rect& wanted, DecodedPixels& pixels);

  Jpeg2000Stream stream_;
  std::unique_ptr<opj_codec_t, FreeOpenJpeg> codec_;
  std::unique_ptr<opj_image_t, FreeOpenJpeg> image_;
  ByteView bytes_;
  int origin_x_ = 0, origin_y_ = 0;  ///< of the picture, in samples of its first component
  int warnings_ = 0;
  std::string last_error_;
  GrowOnlyBuffer pixels_, planes_;
};

Error Jpeg2000Decoder::failure(const std::string& what) const {
  const bool ends_early = stream_.reached_end() || !is_complete_jpeg2000(bytes_);
  return error(
      ends_early ? ErrorCode::kTruncated : ErrorCode::kCorrupt,
      (ends_early ? "JPEG 2000 ends early: " : "JPEG 2000 is corrupt: ") + (last_error_.empty() ? what : last_error_));
}

Status Jpeg2000Decoder::open_codec(ByteView bytes, FailOn fail_on) {
  close();
  bytes_ = bytes;
  warnings_ = 0;
  last_error_.clear();
  codec_.reset(opj_create_decompress(bytes[0] == 0xFF ? OPJ_CODEC_J2K : OPJ_CODEC_JP2));
  if (codec_ == nullptr || !stream_.open(bytes)) return error(ErrorCode::kOutOfMemory, "no memory to decode a JPEG 2000");
  opj_set_warning_handler(
      codec_.get(), [](const char*, void* self) { ++static_cast<Jpeg2000Decoder*>(self)->warnings_; }, this);
  opj_set_error_handler(
      codec_.get(),
      [](const char* message, void* self) {
        std::string words(message);
        while (!words.empty() && words.back() == '\n') words.pop_back();
        static_cast<Jpeg2000Decoder*>(self)->last_error_ = words;
      },
      this);
  opj_dparameters_t parameters;
  opj_set_default_decoder_parameters(&parameters);
  if (!opj_setup_decoder(codec_.get(), &parameters)) return failure("no decoder");
  opj_decoder_set_strict_mode(codec_.get(), fail_on >= FailOn::kTruncated ? OPJ_TRUE : OPJ_FALSE);
  opj_image_t* image = nullptr;
  const bool is_read = opj_read_header(stream_.get(), codec_.get(), &image) != 0;
  image_.reset(image);
  if (!is_read || image_ == nullptr || image_->numcomps == 0) return failure("no header");
  return {};
}

Result<ImageHeader> Jpeg2000Decoder::open(ByteView bytes, FailOn fail_on) {
  SMOL_RETURN_IF_ERROR(open_codec(bytes, fail_on));
  constexpr std::uint32_t kMaxSide = 1 << 30;
  const opj_image_comp_t& first = image_->comps[0];
  if (first.w == 0 || first.h == 0 || first.w > kMaxSide || first.h > kMaxSide || first.x0 > kMaxSide ||
      first.y0 > kMaxSide) {
    return failure("impossible size");
  }
  for (std::uint32_t i = 0; i < image_->numcomps; ++i) {
    if (image_->comps[i].prec == 0 || image_->comps[i].prec > 31) {
      return error(ErrorCode::kUnsupported, "JPEG 2000 of more than 31 bits a sample");
    }
  }
  origin_x_ = static_cast<int>(first.x0);
  origin_y_ = static_cast<int>(first.y0);
  ImageHeader header;
  header.width = static_cast<int>(first.w);
  header.height = static_cast<int>(first.h);
  header.bits = static_cast<int>(first.prec);
  header.compressed_bytes = static_cast<std::int64_t>(bytes.size());
  header.planar = false;
  describe(header);
  return header;
}

void Jpeg2000Decoder::describe(ImageHeader& header) const {
  const auto num_components = image_->numcomps;
  const Jpeg2000Colours stated = jpeg2000_colours(bytes_);
  header.palette = stated.palette;
  header.channels = num_components < 3 ? 1 : image_->color_space == OPJ_CLRSPC_CMYK || stated.cmyk ? 4 : 3;
  if (header.palette) header.channels = 3;
  header.alpha = num_components == 2 || num_components > 4 || (num_components == 4 && header.channels == 3);
  if (num_components >= 3) {
    header.chroma_horizontal = static_cast<int>(std::clamp(image_->comps[1].dx / image_->comps[0].dx, 1U, 255U));
    header.chroma_vertical = static_cast<int>(std::clamp(image_->comps[1].dy / image_->comps[0].dy, 1U, 255U));
  }
  header.max_scale_denominator = 1;
  // Levels of pictures that do not begin at the origin, or lack samples, are not of the size that scaling promises.
  bool is_plain = image_->x0 == 0 && image_->y0 == 0;
  for (std::uint32_t i = 0; i < num_components; ++i) {
    is_plain = is_plain && image_->comps[i].dx == 1 && image_->comps[i].dy == 1;
  }
  opj_codestream_info_v2_t* info = opj_get_cstr_info(codec_.get());
  if (info == nullptr) return;
  const opj_tccp_info_t* const coding = info->m_default_tile_info.tccp_info;
  if (is_plain && coding != nullptr && coding->numresolutions > 0) {
    std::uint32_t levels = coding->numresolutions - 1;
    for (std::uint32_t i = 0; i < info->nbcomps; ++i) levels = std::min(levels, coding[i].numresolutions - 1);
    header.max_scale_denominator = 1 << std::min(levels, 5U);
  }
  opj_destroy_cstr_info(&info);
}

Result<Colours> Jpeg2000Decoder::colours() const {
  if (image_->numcomps < 3) return Colours::kGray;
  const Jpeg2000Colours stated = jpeg2000_colours(bytes_);
  if (image_->color_space == OPJ_CLRSPC_EYCC) {
    return error(ErrorCode::kUnsupported, "JPEG 2000 in e-sYCC colours; convert it to sRGB first");
  }
  if (image_->color_space == OPJ_CLRSPC_CMYK || stated.cmyk) {
    return image_->numcomps >= 4 ? Result<Colours>(Colours::kCmyk) : failure("CMYK without black");
  }
  const bool is_subsampled = image_->comps[0].dx == 1 && (image_->comps[1].dx > 1 || image_->comps[1].dy > 1);
  return image_->color_space == OPJ_CLRSPC_SYCC || is_subsampled ? Colours::kYcc : Colours::kRgb;
}

/// OpenJPEG counts areas on the reference grid at full resolution.
Status Jpeg2000Decoder::set_area(const Rect& wanted, int denominator) {
  const opj_image_comp_t& first = image_->comps[0];
  std::int64_t step_x = first.dx, step_y = first.dy;
  for (std::uint32_t i = 0; i < image_->numcomps; ++i) {
    step_x = std::max<std::int64_t>(step_x, image_->comps[i].dx);
    step_y = std::max<std::int64_t>(step_y, image_->comps[i].dy);
  }
  const auto down = [](std::int64_t value, std::int64_t step) { return value / step * step; };
  const std::int64_t x0 = image_->x0, y0 = image_->y0, x1 = image_->x1, y1 = image_->y1;
  const std::int64_t left = std::max(x0, down(x0 + std::int64_t{wanted.x} * denominator * first.dx, step_x));
  const std::int64_t top = std::max(y0, down(y0 + std::int64_t{wanted.y} * denominator * first.dy, step_y));
  const std::int64_t right = std::min(x1, x0 + (std::int64_t{wanted.x} + wanted.width) * denominator * first.dx + step_x);
  const std::int64_t bottom = std::min(y1, y0 + (std::int64_t{wanted.y} + wanted.height) * denominator * first.dy + step_y);
  if (!opj_set_decode_area(codec_.get(), image_.get(), static_cast<OPJ_INT32>(left), static_cast<OPJ_INT32>(top),
                           static_cast<OPJ_INT32>(right), static_cast<OPJ_INT32>(bottom))) {
    return failure("the region cannot be decoded");
  }
  return {};
}

/// `area`: null for the whole picture.
Status Jpeg2000Decoder::decode_pixels(const DecodeRequest& request, const Rect* area) {
  int level = 0;
  while ((1 << level) < request.scale_denominator) ++level;
  if (level > 0 && !opj_set_decoded_resolution_factor(codec_.get(), static_cast<OPJ_UINT32>(level))) {
    return failure("no such resolution level");
  }
  if (area != nullptr) SMOL_RETURN_IF_ERROR(set_area(*area, request.scale_denominator));
  if (!opj_decode(codec_.get(), stream_.get(), image_.get())) return failure("it cannot be decoded");
  return {};
}

Result<DecodedPixels> Jpeg2000Decoder::read(const DecodeRequest& request, const Rect& wanted, Size size) {
  DecodedPixels pixels;
  // OpenJPEG fills in what is missing, in strict mode, too, where whole packets are.
  pixels.truncated = !is_complete_jpeg2000(bytes_);
  if (pixels.truncated && request.fail_on >= FailOn::kTruncated) return failure("data are missing at its end");
  const bool is_whole = wanted == Rect{0, 0, size.width, size.height};
  if (Status decoded = decode_pixels(request, is_whole ? nullptr : &wanted); !decoded.ok()) {
    if (is_whole) return std::move(decoded).error();
    // Damage that only the search for a region's tiles stumbles over.
    SMOL_RETURN_IF_ERROR(open_codec(bytes_, request.fail_on));
    SMOL_RETURN_IF_ERROR(decode_pixels(request, nullptr));
  }
  for (std::uint32_t i = 0; i < image_->numcomps; ++i) {
    const opj_image_comp_t& component = image_->comps[i];
    if (component.data == nullptr || component.w == 0 || component.h == 0) return failure("a component is missing");
  }
  pixels.warnings = warnings_;
  pixels.recovered = warnings_ > 0 && request.fail_on == FailOn::kNone;
  pixels.complete_rows = wanted.height;
  SMOL_ASSIGN_OR_RETURN(const Colours colours, this->colours());
  convert(colours, wanted, pixels);
  return pixels;
}

void Jpeg2000Decoder::convert(Colours colours, const Rect& wanted, DecodedPixels& pixels) {
  const int num_planes = colours == Colours::kGray ? 1 : colours == Colours::kCmyk ? 4 : 3;
  pixels.channels = colours == Colours::kGray ? 1 : 3;
  pixels.stride_bytes = std::ptrdiff_t{pixels.channels} * wanted.width;
  std::uint8_t* const out = pixels_.reserve(static_cast<std::size_t>(pixels.stride_bytes) * wanted.height);
  std::uint8_t* const planes = planes_.reserve(static_cast<std::size_t>(wanted.width) * num_planes);
  const Rect on_grid{origin_x_ + wanted.x, origin_y_ + wanted.y, wanted.width, wanted.height};
  for (int y = 0; y < wanted.height; ++y) {
    std::array<std::uint8_t*, 4> plane{};
    for (int i = 0; i < num_planes; ++i) {
      plane[i] = planes + std::ptrdiff_t{i} * wanted.width;
      Samples(image_->comps[i], image_->comps[0], on_grid).row(y, plane[i]);
    }
    std::uint8_t* const row = out + y * pixels.stride_bytes;
    if (colours == Colours::kGray) {
      std::memcpy(row, plane[0], static_cast<std::size_t>(wanted.width));
      continue;
    }
    for (int x = 0; x < wanted.width; ++x) {
      int red = plane[0][x], green = plane[1][x], blue = plane[2][x];
      if (colours == Colours::kYcc) {
        // Full range BT.601 in 16 bits of fraction.
        const int luma = red, cb = green - 128, cr = blue - 128;
        red = std::clamp((luma * 65536 + 91881 * cr + 32768) >> 16, 0, 255);
        green = std::clamp((luma * 65536 - 22554 * cb - 46802 * cr + 32768) >> 16, 0, 255);
        blue = std::clamp((luma * 65536 + 116130 * cb + 32768) >> 16, 0, 255);
      } else if (colours == Colours::kCmyk) {
        const int light = 255 - plane[3][x];
        red = to_eight_bits(std::int64_t{255 - red} * light, 255 * 255);
        green = to_eight_bits(std::int64_t{255 - green} * light, 255 * 255);
        blue = to_eight_bits(std::int64_t{255 - blue} * light, 255 * 255);
      }
      row[3 * x] = static_cast<std::uint8_t>(red);
      row[3 * x + 1] = static_cast<std::uint8_t>(green);
      row[3 * x + 2] = static_cast<std::uint8_t>(blue);
    }
  }
  pixels.data = out;
}

}  // namespace
}  // namespace smol

extern "C" __attribute__((visibility("default"))) smol::Codec* smol_create_codec_v1() {
  return smol::create_opaque_codec(
             "jpeg2000", std::string("OpenJPEG ") + opj_version(),
             []() -> std::unique_ptr<smol::Decoder> { return std::make_unique<smol::Jpeg2000Decoder>(); })
      .release();
}
