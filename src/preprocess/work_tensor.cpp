#include "preprocess/work_tensor.h"

namespace smol {
namespace {

constexpr std::size_t kSlack = 64;  // SIMD kernels may read past the end

void copy_as_rgb(const std::uint8_t* source, PixelFormat format, int num_pixels, std::uint8_t* rgb) {
  if (format == PixelFormat::kRgb8) {
    std::memcpy(rgb, source, static_cast<std::size_t>(num_pixels) * 3);
    return;
  }
  const int step = bytes_per_pixel(format);
  const int red = format == PixelFormat::kBgr8 ? 2 : 0;
  const bool gray = format == PixelFormat::kGray8;
  for (int i = 0; i < num_pixels; ++i, source += step, rgb += 3) {
    rgb[0] = source[gray ? 0 : red];
    rgb[1] = source[gray ? 0 : 1];
    rgb[2] = source[gray ? 0 : 2 - red];
  }
}

}  // namespace

void WorkTensor::allocate() {
  const std::size_t needed = slot().size_bytes() + kSlack;
  if (bytes_.size() < needed) bytes_.resize(needed);
}

TensorSlot WorkTensor::slot() { return {bytes_.data(), dtype, layout, color, size.width, size.height}; }

ImageView WorkTensor::picture() {
  ImageView view;
  view.format = color == ColorOrder::kGray ? PixelFormat::kGray8 : PixelFormat::kRgb8;
  view.width = size.width;
  view.height = size.height;
  view.planes[0] = Plane{bytes_.data(), std::ptrdiff_t{size.width} * channels(), size.width, size.height};
  return view;
}

Status PictureCollector::begin(const Rect& delivered, Size scaled_size, PixelFormat format) {
  if (format == PixelFormat::kYcc8Planar) {
    return Error{ErrorCode::kInternal, "planes were delivered where interleaved rows were asked for", Stage::kPreprocess};
  }
  delivered_ = delivered;
  format_ = format;
  picture_.dtype = DType::kU8;
  picture_.layout = Layout::kNHWC;
  picture_.color = ColorOrder::kRGB;
  picture_.size = scaled_size;
  picture_.allocate();
  return {};
}

bool PictureCollector::rows(int y, const ImageView& rows) {
  for (int r = 0; r < rows.height; ++r) {
    copy_as_rgb(rows.row(r), format_, delivered_.width,
                picture_.data<std::uint8_t>() + picture_.index(delivered_.x, y + r, 0));
  }
  return true;
}

}  // namespace smol
