/// AVIF by libavif: grids, 8 to 12 bits, any matrix and range; the clean aperture is cut out, rotation and mirroring are
/// stated as an orientation. Alpha is dropped.

#include <avif/avif.h>

#include <algorithm>
#include <limits>

#include "codec/isolated/isolated_codec.h"
#include "codec/opaque/opaque_decoder.h"

namespace smol {
namespace {

struct DestroyDecoder {
  void operator()(avifDecoder* decoder) const { avifDecoderDestroy(decoder); }
};

/// Clean aperture, then `irot` (quarter turns against the clock), then `imir`: the order of the standard.
Orientation orientation_of(const avifImage& image) {
  const int turns = (image.transformFlags & AVIF_TRANSFORM_IROT) != 0 ? image.irot.angle & 3 : 0;
  constexpr Orientation kTurned[] = {Orientation::kNormal, Orientation::kRotate270, Orientation::kRotate180,
                                     Orientation::kRotate90};
  if ((image.transformFlags & AVIF_TRANSFORM_IMIR) == 0) return kTurned[turns];
  constexpr Orientation kTopToBottom[] = {Orientation::kFlipVertical, Orientation::kTranspose, Orientation::kFlipHorizontal,
                                          Orientation::kTransverse};
  constexpr Orientation kLeftToRight[] = {Orientation::kFlipHorizontal, Orientation::kTransverse, Orientation::kFlipVertical,
                                          Orientation::kTranspose};
  return image.imir.mode == 0 ? kTopToBottom[turns] : kLeftToRight[turns];
}

class AvifDecoder final : public OpaqueDecoder {
 public:
  AvifDecoder() : OpaqueDecoder("avif") {}

 protected:
  Result<ImageHeader> open(ByteView bytes, FailOn fail_on) override;
  Result<DecodedPixels> read(const DecodeRequest& request, const Rect& wanted, Size size) override;
  void close() override { decoder_.reset(); }

 private:
  [[nodiscard]] Error failure(avifResult result) const;
  Result<DecodedPixels> convert(const Rect& wanted);

  std::unique_ptr<avifDecoder, DestroyDecoder> decoder_;
  avifCropRect crop_{};
  bool odd_crop_ = false, too_large_ = false;
  GrowOnlyBuffer pixels_;
};

Error AvifDecoder::failure(avifResult result) const {
  std::string what = avifResultToString(result);
  if (decoder_->diag.error[0] != 0) what += std::string(" (") + decoder_->diag.error + ")";
  switch (result) {
    case AVIF_RESULT_TRUNCATED_DATA:
    case AVIF_RESULT_IO_ERROR:
      return error(ErrorCode::kTruncated, "AVIF ends early: " + what);
    case AVIF_RESULT_OUT_OF_MEMORY:
      return error(ErrorCode::kOutOfMemory, "no memory to decode an AVIF: " + what);
    case AVIF_RESULT_NOT_IMPLEMENTED:
    case AVIF_RESULT_UNSUPPORTED_DEPTH:
    case AVIF_RESULT_NO_CODEC_AVAILABLE:
    case AVIF_RESULT_NO_AV1_ITEMS_FOUND:
      return error(ErrorCode::kUnsupported, "libavif cannot decode this AVIF: " + what);
    default:
      return error(ErrorCode::kCorrupt, "AVIF is corrupt: " + what);
  }
}

Result<ImageHeader> AvifDecoder::open(ByteView bytes, FailOn fail_on) {
  decoder_.reset(avifDecoderCreate());
  if (decoder_ == nullptr) return error(ErrorCode::kOutOfMemory, "no memory to decode an AVIF");
  decoder_->maxThreads = 1;
  decoder_->ignoreExif = AVIF_TRUE;  // the standard lets only irot and imir turn pictures
  decoder_->ignoreXMP = AVIF_TRUE;
  decoder_->imageDimensionLimit = 0;  // pixels are limited
  // Old encoders leave out what the standard demands and nobody needs.
  decoder_->strictFlags = fail_on >= FailOn::kWarning ? AVIF_STRICT_ENABLED : AVIF_STRICT_DISABLED;
  too_large_ = false;
  ImageHeader header;
  header.planar = false;
  header.max_scale_denominator = 1;
  header.compressed_bytes = static_cast<std::int64_t>(bytes.size());
  avifResult result = avifDecoderSetIOMemory(decoder_.get(), bytes.data(), bytes.size());
  if (result == AVIF_RESULT_OK) result = avifDecoderParse(decoder_.get());
  if (result != AVIF_RESULT_OK) {
    const Size claimed = largest_claimed_extent(bytes);
    if (std::int64_t{claimed.width} * claimed.height <= AVIF_DEFAULT_IMAGE_SIZE_LIMIT) return failure(result);
    // libavif does not open pictures of this size.
    too_large_ = true;
    header.width = claimed.width;
    header.height = claimed.height;
    return header;
  }
  const avifImage& image = *decoder_->image;
  crop_ = {0, 0, image.width, image.height};
  odd_crop_ = false;
  if ((image.transformFlags & AVIF_TRANSFORM_CLAP) != 0) {
    avifDiagnostics ignored;
    avifDiagnosticsClearError(&ignored);
    avifCropRect crop{};
    if (avifCropRectConvertCleanApertureBox(&crop, &image.clap, image.width, image.height, image.yuvFormat, &ignored)) {
      crop_ = crop;
    } else {
      odd_crop_ = true;
    }
  }
  header.width = static_cast<int>(crop_.width);
  header.height = static_cast<int>(crop_.height);
  header.orientation = orientation_of(image);
  header.channels = image.yuvFormat == AVIF_PIXEL_FORMAT_YUV400 ? 1 : 3;
  header.bits = static_cast<int>(image.depth);
  header.alpha = decoder_->alphaPresent != 0;
  header.progressive = decoder_->progressiveState != AVIF_PROGRESSIVE_STATE_UNAVAILABLE;
  header.num_frames = std::max(decoder_->imageCount, 1);
  if (image.yuvFormat != AVIF_PIXEL_FORMAT_NONE) {
    avifPixelFormatInfo info;
    avifGetPixelFormatInfo(image.yuvFormat, &info);
    header.chroma_horizontal = 1 << info.chromaShiftX;
    header.chroma_vertical = 1 << info.chromaShiftY;
  }
  return header;
}

Result<DecodedPixels> AvifDecoder::read(const DecodeRequest& /*request*/, const Rect& wanted, Size size) {
  if (too_large_) {
    return error(ErrorCode::kLimitExceeded, "libavif decodes at most 268435456 pixels: " + std::to_string(size.width) + "x" +
                                                std::to_string(size.height));
  }
  const std::string_view transfer = hdr_transfer_name(decoder_->image->transferCharacteristics);
  if (!transfer.empty()) return hdr_error(transfer);
  if (const avifResult result = avifDecoderNextImage(decoder_.get()); result != AVIF_RESULT_OK) return failure(result);
  if (decoder_->image->width < crop_.x + crop_.width || decoder_->image->height < crop_.y + crop_.height) {
    return error(ErrorCode::kCorrupt, "AVIF is corrupt: the picture is smaller than its header says");
  }
  return convert(wanted);
}

Result<DecodedPixels> AvifDecoder::convert(const Rect& wanted) {
  avifImage& image = *decoder_->image;
  // Whole rows, so that chroma at the edges of a region is interpolated as in the whole picture.
  avifRGBImage rgb;
  avifRGBImageSetDefaults(&rgb, &image);
  rgb.depth = 8;
  rgb.format = AVIF_RGB_FORMAT_RGBA;
  // Dropped later: libavif blends what it is told to ignore with black.
  rgb.ignoreAlpha = AVIF_FALSE;
  // libyuv drops the low bits of 10 and 12 without rounding.
  rgb.avoidLibYUV = image.depth > 8 ? AVIF_TRUE : AVIF_FALSE;
  const std::size_t stride = std::size_t{4} * image.width;
  if (stride > std::numeric_limits<std::uint32_t>::max()) {
    return error(ErrorCode::kUnsupported, "the picture is too wide: " + std::to_string(image.width));
  }
  rgb.rowBytes = static_cast<std::uint32_t>(stride);
  rgb.pixels = pixels_.reserve(stride * image.height);
  if (const avifResult result = avifImageYUVToRGB(&image, &rgb); result != AVIF_RESULT_OK) return failure(result);
  DecodedPixels pixels;
  pixels.stride_bytes = static_cast<std::ptrdiff_t>(stride);
  pixels.data = rgb.pixels + (crop_.y + static_cast<std::size_t>(wanted.y)) * stride +
                (crop_.x + static_cast<std::size_t>(wanted.x)) * 4;
  pixels.complete_rows = wanted.height;
  pixels.recovered = odd_crop_;
  return pixels;
}

/// With the AV1 decoder that is asked, the first of all that libavif knows.
std::string description() {
  char codecs[256] = {};
  avifCodecVersions(codecs);
  std::string first(codecs);
  first.resize(std::min(first.size(), first.find(',')));
  constexpr std::string_view kRole = " [dec]:";
  if (const auto at = first.find(kRole); at != std::string::npos) first.replace(at, kRole.size(), " ");
  return std::string("libavif ") + avifVersion() + " (" + first + ")";
}

}  // namespace
}  // namespace smol

extern "C" __attribute__((visibility("default"))) smol::Codec* smol_create_codec_v1() {
  return smol::create_opaque_codec("avif", smol::description(),
                                   []() -> std::unique_ptr<smol::Decoder> { return std::make_unique<smol::AvifDecoder>(); })
      .release();
}
