#include "codec/webp_picture.h"

#include <algorithm>

namespace smol {
namespace {

/// Upsampled chroma at the edge of a crop differs from the whole picture's; crops begin at even pixels.
constexpr int kMargin = 2;
/// About 5 ms of decoding; what is stopped early wastes no more.
constexpr std::size_t kPieceBytes = std::size_t{1} << 16;

}  // namespace

Status WebpPicture::open(ByteView picture, Size size, const Rect& part, WEBP_CSP_MODE order, int bytes_per_pixel) {
  picture_ = picture;
  fed_bytes_ = 0;
  num_rows_ = 0;
  end_ = End::kNone;
  const int left = std::max(0, part.x - kMargin) & ~1, top = std::max(0, part.y - kMargin) & ~1;
  const int right = std::min(size.width, part.x + part.width + kMargin);
  const int bottom = std::min(size.height, part.y + part.height + kMargin);
  top_margin_ = part.y - top;
  height_ = part.height;
  decoder_.reset();
  if (WebPInitDecoderConfig(&config_) == 0) {
    return Error{ErrorCode::kInternal, "libwebp is of another version than the one it was built with", Stage::kDecode};
  }
  const Size decoded{right - left, bottom - top};
  if (decoded != size) {
    config_.options.use_cropping = 1;
    config_.options.crop_left = left;
    config_.options.crop_top = top;
    config_.options.crop_width = decoded.width;
    config_.options.crop_height = decoded.height;
  }
  stride_bytes_ = padded_stride_bytes(static_cast<std::size_t>(decoded.width) * static_cast<std::size_t>(bytes_per_pixel));
  const std::size_t size_bytes = static_cast<std::size_t>(stride_bytes_) * static_cast<std::size_t>(decoded.height);
  std::uint8_t* const pixels = pixels_.reserve(size_bytes);
  first_row_ = pixels + top_margin_ * stride_bytes_ + static_cast<std::ptrdiff_t>(part.x - left) * bytes_per_pixel;
  config_.output.colorspace = order;
  config_.output.is_external_memory = 1;
  config_.output.u.RGBA = {pixels, static_cast<int>(stride_bytes_), size_bytes};
  decoder_.reset(WebPIDecode(nullptr, 0, &config_));
  if (!decoder_) return Error{ErrorCode::kOutOfMemory, "no memory for a WebP decoder", Stage::kDecode};
  return {};
}

bool WebpPicture::advance() {
  if (end_ != End::kNone || num_rows_ == height_) return false;
  fed_bytes_ = std::min(picture_.size(), fed_bytes_ + kPieceBytes);
  const VP8StatusCode status = WebPIUpdate(decoder_.get(), picture_.data(), fed_bytes_);
  int last_row = 0;
  if (WebPIDecGetRGB(decoder_.get(), &last_row, nullptr, nullptr, nullptr) != nullptr) {
    num_rows_ = std::clamp(last_row - top_margin_, num_rows_, height_);
  }
  if (status == VP8_STATUS_OUT_OF_MEMORY) {
    end_ = End::kOutOfMemory;
  } else if (status == VP8_STATUS_SUSPENDED) {
    if (fed_bytes_ == picture_.size()) end_ = End::kTruncated;
  } else if (status != VP8_STATUS_OK) {
    end_ = End::kCorrupt;
  } else if (num_rows_ < height_) {
    end_ = End::kCorrupt;
  }
  return true;
}

}  // namespace smol
