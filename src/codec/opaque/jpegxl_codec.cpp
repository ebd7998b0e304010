/// JPEG XL by libjxl: 8 bits a sample in sRGB, as stored; the orientation is stated. Alpha is dropped, of animations the
/// first frame is read.

#include <jxl/decode.h>

#include <algorithm>

#include "codec/isolated/isolated_codec.h"
#include "codec/opaque/opaque_decoder.h"

namespace smol {
namespace {

struct DestroyDecoder {
  void operator()(JxlDecoder* decoder) const { JxlDecoderDestroy(decoder); }
};

class JpegXlDecoder final : public OpaqueDecoder {
 public:
  JpegXlDecoder() : OpaqueDecoder("jpegxl") {}

 protected:
  Result<ImageHeader> open(ByteView bytes, FailOn fail_on) override;
  Result<DecodedPixels> read(const DecodeRequest& request, const Rect& wanted, Size size) override;
  void close() override {
    if (decoder_ != nullptr) JxlDecoderReset(decoder_.get());
  }

 private:
  /// Feeds the decoder until one of its events, or an error.
  Result<JxlDecoderStatus> next_event();
  [[nodiscard]] Status check_transfer() const;
  Status decode_frame(const JxlPixelFormat& format, bool keep_part, DecodedPixels& pixels);

  std::unique_ptr<JxlDecoder, DestroyDecoder> decoder_;
  JxlBasicInfo info_{};
  std::uint8_t* rows_ = nullptr;
  std::size_t rows_bytes_ = 0;
  GrowOnlyBuffer pixels_;
};

Result<JxlDecoderStatus> JpegXlDecoder::next_event() {
  const JxlDecoderStatus status = JxlDecoderProcessInput(decoder_.get());
  if (status == JXL_DEC_ERROR) return error(ErrorCode::kCorrupt, "JPEG XL is corrupt: libjxl cannot decode it");
  if (status == JXL_DEC_NEED_MORE_INPUT) return error(ErrorCode::kTruncated, "JPEG XL ends early");
  return status;
}

Result<ImageHeader> JpegXlDecoder::open(ByteView bytes, FailOn /*fail_on*/) {
  if (decoder_ == nullptr) decoder_.reset(JxlDecoderCreate(nullptr));
  if (decoder_ == nullptr) return error(ErrorCode::kOutOfMemory, "no memory to decode a JPEG XL");
  JxlDecoderReset(decoder_.get());
  JxlDecoderSetKeepOrientation(decoder_.get(), JXL_TRUE);
  JxlDecoderSubscribeEvents(decoder_.get(), JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING | JXL_DEC_FULL_IMAGE);
  JxlDecoderSetInput(decoder_.get(), bytes.data(), bytes.size());
  JxlDecoderCloseInput(decoder_.get());
  SMOL_ASSIGN_OR_RETURN(const JxlDecoderStatus status, next_event());
  if (status != JXL_DEC_BASIC_INFO || JxlDecoderGetBasicInfo(decoder_.get(), &info_) != JXL_DEC_SUCCESS) {
    return error(ErrorCode::kCorrupt, "JPEG XL is corrupt: no picture in it");
  }
  constexpr std::uint32_t kMaxSide = 1 << 30;
  if (info_.xsize == 0 || info_.ysize == 0 || info_.xsize > kMaxSide || info_.ysize > kMaxSide) {
    return error(ErrorCode::kCorrupt, "JPEG XL is corrupt: impossible size");
  }
  ImageHeader header;
  header.width = static_cast<int>(info_.xsize);
  header.height = static_cast<int>(info_.ysize);
  header.orientation = static_cast<Orientation>(std::clamp(static_cast<int>(info_.orientation), 1, 8));
  header.channels = info_.num_color_channels == 1 ? 1 : 3;
  header.bits = static_cast<int>(std::clamp(info_.bits_per_sample, 1U, 32U));
  header.alpha = info_.alpha_bits > 0;
  header.compressed_bytes = static_cast<std::int64_t>(bytes.size());
  // How many frames there are is known only after reading all of them.
  header.num_frames = info_.have_animation != JXL_FALSE ? 2 : 1;
  header.max_scale_denominator = 1;
  header.planar = false;
  return header;
}

Status JpegXlDecoder::check_transfer() const {
  JxlColorEncoding encoding{};
  const auto target = JXL_COLOR_PROFILE_TARGET_ORIGINAL;
  if (JxlDecoderGetColorAsEncodedProfile(decoder_.get(), nullptr, target, &encoding) != JXL_DEC_SUCCESS) return {};
  const std::string_view transfer = hdr_transfer_name(static_cast<int>(encoding.transfer_function));
  if (!transfer.empty()) return hdr_error(transfer);
  return {};
}

/// `keep_part`: what there is of a picture that ends early.
Status JpegXlDecoder::decode_frame(const JxlPixelFormat& format, bool keep_part, DecodedPixels& pixels) {
  for (;;) {
    const JxlDecoderStatus status = JxlDecoderProcessInput(decoder_.get());
    if (status == JXL_DEC_NEED_IMAGE_OUT_BUFFER) {
      if (JxlDecoderSetImageOutBuffer(decoder_.get(), &format, rows_, rows_bytes_) != JXL_DEC_SUCCESS) {
        return error(ErrorCode::kCorrupt, "JPEG XL is corrupt: the picture has another size than its header says");
      }
      continue;
    }
    if (status == JXL_DEC_FULL_IMAGE) return {};
    if (status == JXL_DEC_NEED_MORE_INPUT && keep_part && JxlDecoderFlushImage(decoder_.get()) == JXL_DEC_SUCCESS) {
      pixels.truncated = true;
      pixels.complete_rows = 0;  // libjxl does not tell which
      return {};
    }
    if (status == JXL_DEC_NEED_MORE_INPUT) return error(ErrorCode::kTruncated, "JPEG XL ends early");
    return error(ErrorCode::kCorrupt, "JPEG XL is corrupt: libjxl cannot decode it");
  }
}

Result<DecodedPixels> JpegXlDecoder::read(const DecodeRequest& request, const Rect& wanted, Size size) {
  SMOL_ASSIGN_OR_RETURN(const JxlDecoderStatus status, next_event());
  if (status != JXL_DEC_COLOR_ENCODING) return error(ErrorCode::kCorrupt, "JPEG XL is corrupt: no colours in it");
  SMOL_RETURN_IF_ERROR(check_transfer());
  const bool is_gray = info_.num_color_channels == 1;
  JxlColorEncoding srgb{};
  srgb.color_space = is_gray ? JXL_COLOR_SPACE_GRAY : JXL_COLOR_SPACE_RGB;
  srgb.white_point = JXL_WHITE_POINT_D65;
  srgb.primaries = JXL_PRIMARIES_SRGB;
  srgb.transfer_function = JXL_TRANSFER_FUNCTION_SRGB;
  srgb.rendering_intent = JXL_RENDERING_INTENT_RELATIVE;
  // Pictures that are stored in their own colours stay in those; others have none of their own.
  if (info_.uses_original_profile == JXL_FALSE) JxlDecoderSetPreferredColorProfile(decoder_.get(), &srgb);
  DecodedPixels pixels;
  pixels.channels = is_gray ? 1 : 3;
  pixels.stride_bytes = std::ptrdiff_t{pixels.channels} * size.width;
  pixels.complete_rows = wanted.height;
  const JxlPixelFormat format{static_cast<std::uint32_t>(pixels.channels), JXL_TYPE_UINT8, JXL_NATIVE_ENDIAN, 0};
  rows_bytes_ = static_cast<std::size_t>(pixels.stride_bytes) * static_cast<std::size_t>(size.height);
  rows_ = pixels_.reserve(rows_bytes_);
  SMOL_RETURN_IF_ERROR(decode_frame(format, request.fail_on == FailOn::kNone, pixels));
  pixels.data = rows_ + wanted.y * pixels.stride_bytes + std::ptrdiff_t{wanted.x} * pixels.channels;
  return pixels;
}

std::string description() {
  const std::uint32_t version = JxlDecoderVersion();
  return "libjxl " + std::to_string(version / 1000000) + "." + std::to_string(version / 1000 % 1000) + "." +
         std::to_string(version % 1000);
}

}  // namespace
}  // namespace smol

extern "C" __attribute__((visibility("default"))) smol::Codec* smol_create_codec_v1() {
  return smol::create_opaque_codec(
             "jpegxl", smol::description(),
             []() -> std::unique_ptr<smol::Decoder> { return std::make_unique<smol::JpegXlDecoder>(); })
      .release();
}
