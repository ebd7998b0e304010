#include "smol/image.h"

#include <new>

namespace smol {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t round_up(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

std::string_view name_of(PixelFormat format) {
  switch (format) {
    case PixelFormat::kGray8:
      return "gray8";
    case PixelFormat::kRgb8:
      return "rgb8";
    case PixelFormat::kBgr8:
      return "bgr8";
    case PixelFormat::kRgbx8:
      return "rgbx8";
    case PixelFormat::kYcc8Planar:
      return "ycc8_planar";
  }
  return "unknown";
}

void Image::Free::operator()(std::uint8_t* p) const { ::operator delete (p, std::align_val_t{kAlignment}); }

void Image::reshape(PixelFormat format, int width, int height) {
  const std::size_t stride = round_up(static_cast<std::size_t>(width) * bytes_per_pixel(format));
  const std::size_t plane_bytes = stride * static_cast<std::size_t>(height);
  const int num_planes = format == PixelFormat::kYcc8Planar ? 3 : 1;
  const std::size_t needed = plane_bytes * num_planes + kAlignment;
  if (needed > capacity_bytes_) {
    storage_.reset();
    capacity_bytes_ = 0;
    storage_.reset(static_cast<std::uint8_t*>(::operator new (needed, std::align_val_t{kAlignment})));
    capacity_bytes_ = needed;
  }
  view_ = ImageView{};
  view_.format = format;
  view_.width = width;
  view_.height = height;
  for (int plane = 0; plane < num_planes; ++plane) {
    view_.planes[plane] = Plane{storage_.get() + plane * plane_bytes, static_cast<std::ptrdiff_t>(stride), width, height};
  }
}

}  // namespace smol
