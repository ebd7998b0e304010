#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <utility>

#include "smol/preprocess.h"

namespace smol {
namespace {

/// How the axes of an oriented picture lie in the stored one.
struct StoredAxes {
  bool swapped = false, mirrored_x = false, mirrored_y = false;  // mirrors act on the stored axes

  explicit StoredAxes(Orientation orientation) : swapped(swaps_axes(orientation)) {
    switch (orientation) {
      case Orientation::kNormal:
      case Orientation::kTranspose:
        break;
      case Orientation::kFlipHorizontal:
      case Orientation::kRotate270:
        mirrored_x = true;
        break;
      case Orientation::kRotate180:
      case Orientation::kTransverse:
        mirrored_x = mirrored_y = true;
        break;
      case Orientation::kFlipVertical:
      case Orientation::kRotate90:
        mirrored_y = true;
        break;
    }
  }

  /// `size`: of the stored picture.
  [[nodiscard]] Rect stored(const Rect& oriented, Size size) const {
    Rect rect = oriented;
    if (swapped) rect = {oriented.y, oriented.x, oriented.height, oriented.width};
    if (mirrored_x) rect.x = size.width - rect.x - rect.width;
    if (mirrored_y) rect.y = size.height - rect.y - rect.height;
    return rect;
  }
};

/// Copies the wanted part of the rows that a decoder delivers into a picture of exactly that size.
class WindowCollector : public RowConsumer {
 public:
  WindowCollector(const Rect& window, Image& picture) : window_(window), picture_(picture) {}

  Status begin(const Rect& delivered, Size /*scaled_size*/, PixelFormat format) override {
    delivered_ = delivered;
    picture_.reshape(format, window_.width, window_.height);
    return {};
  }

  bool rows(int y, const ImageView& rows) override {
    const int pixel_bytes = bytes_per_pixel(rows.format);
    const int first = std::max(y, window_.y), last = std::min(y + rows.height, window_.y + window_.height);
    for (int row = first; row < last; ++row) {
      std::memcpy(picture_.view().row(row - window_.y),
                  rows.row(row - y) + static_cast<std::ptrdiff_t>(window_.x - delivered_.x) * pixel_bytes,
                  static_cast<std::size_t>(window_.width) * pixel_bytes);
    }
    return y + rows.height < window_.y + window_.height;
  }

 private:
  const Rect window_;
  Image& picture_;
  Rect delivered_;
};

template <int PixelBytes>
void orient_pixels(const ImageView& stored, const StoredAxes& axes, ImageView& oriented) {
  for (int row = 0; row < stored.height; ++row) {
    const std::uint8_t* in = stored.row(row);
    const int line = axes.mirrored_y ? stored.height - 1 - row : row;
    for (int column = 0; column < stored.width; ++column, in += PixelBytes) {
      const int place = axes.mirrored_x ? stored.width - 1 - column : column;
      const int x = axes.swapped ? line : place, y = axes.swapped ? place : line;
      std::memcpy(oriented.row(y) + static_cast<std::ptrdiff_t>(x) * PixelBytes, in, PixelBytes);
    }
  }
}

Result<Rect> window_of(const PictureRequest& request, Size oriented) {
  const Rect whole{0, 0, oriented.width, oriented.height};
  if (!request.region) return whole;
  const Rect& rect = *request.region;
  if (rect.x < 0 || rect.y < 0 || rect.width < 1 || rect.height < 1 || rect.width > whole.width - rect.x ||
      rect.height > whole.height - rect.y) {
    return Error{ErrorCode::kInvalidArgument,
                 fmt::format("the region must lie inside the picture of {}x{}: x {}, y {}, {}x{}", whole.width, whole.height,
                             rect.x, rect.y, rect.width, rect.height),
                 Stage::kDecode};
  }
  return rect;
}

Status check_scale(int denominator, std::span<const int> scale_denominators, const ImageHeader& header) {
  std::vector<int> allowed(scale_denominators.begin(), scale_denominators.end());
  std::erase_if(allowed, [&](int scale) { return scale > header.max_scale_denominator; });
  if (std::find(allowed.begin(), allowed.end(), denominator) != allowed.end()) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("this picture can be decoded at 1/{}: 1/{}", fmt::join(allowed, ", 1/"), denominator),
               Stage::kDecode};
}

Result<DecodeReport> decode_with(std::span<const int> scale_denominators, Decoder& decoder, ByteView bytes,
                                 const PictureRequest& request, Image& picture) try {
  SMOL_ASSIGN_OR_RETURN(const ImageHeader header, decoder.probe(bytes));
  SMOL_RETURN_IF_ERROR(check_scale(request.scale_denominator, scale_denominators, header));
  const auto scaled = [&](int side) { return (side + request.scale_denominator - 1) / request.scale_denominator; };
  const Size stored{scaled(header.width), scaled(header.height)};
  const Orientation orientation = request.keep_orientation ? Orientation::kNormal : header.orientation;
  SMOL_ASSIGN_OR_RETURN(const Rect window,
                        window_of(request, swaps_axes(orientation) ? Size{stored.height, stored.width} : stored));
  const StoredAxes axes(orientation);
  const Rect stored_window = axes.stored(window, stored);

  DecodeRequest decode;
  decode.scale_denominator = request.scale_denominator;
  if (request.region) decode.region = stored_window;
  decode.format = header.is_gray() ? PixelFormat::kGray8 : PixelFormat::kRgb8;
  decode.background = request.background;
  decode.fail_on = request.fail_on;
  decode.limits = request.limits;
  decode.stop = request.stop;
  Image decoded;
  Image& target = orientation == Orientation::kNormal ? picture : decoded;
  WindowCollector collector(stored_window, target);
  SMOL_ASSIGN_OR_RETURN(const DecodeReport report, decoder.decode(bytes, decode, collector));
  if (orientation == Orientation::kNormal) return report;
  picture.reshape(decode.format, window.width, window.height);
  if (decode.format == PixelFormat::kGray8) {
    orient_pixels<1>(decoded.view(), axes, picture.view());
  } else {
    orient_pixels<3>(decoded.view(), axes, picture.view());
  }
  return report;
} catch (const std::bad_alloc&) {
  return Error{ErrorCode::kOutOfMemory, "no memory left for the picture; limit its pixels (--max-pixels)", Stage::kDecode};
}

}  // namespace

Result<DecodeReport> decode_picture(const Codec& codec, Decoder& decoder, ByteView bytes, const PictureRequest& request,
                                    Image& picture) {
  return decode_with(codec.capabilities().scale_denominators, decoder, bytes, request, picture);
}

Result<DecodeReport> decode_picture(const FramePlanes& planes, Orientation orientation, const PictureRequest& request,
                                    Image& picture) {
  constexpr std::array<int, 1> kScales{1};
  const std::unique_ptr<Decoder> decoder = create_frame_decoder(planes, orientation);
  return decode_with(kScales, *decoder, {}, request, picture);
}

}  // namespace smol
