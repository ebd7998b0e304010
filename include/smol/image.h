#pragma once
/// Decoded pictures: formats, borrowed views, owned images, EXIF orientation.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace smol {

/// Where memory lives. `kPinned` is host memory that a device can copy from without staging.
enum class MemoryKind : std::uint8_t { kHost, kPinned, kDevice };

/// A point in time on a device's stream that a consumer waits for before touching memory. Null = ready.
class ReadyEvent {
 public:
  virtual ~ReadyEvent() = default;
  virtual void wait() const = 0;
};

/// Pixel layouts, all 8 bits a sample. Interleaved unless said otherwise.
enum class PixelFormat : std::uint8_t {
  kGray8,       ///< 1 byte a pixel
  kRgb8,        ///< R G B
  kBgr8,        ///< B G R
  kRgbx8,       ///< R G B and one ignored byte; what the SIMD resize reads fastest
  kYcc8Planar,  ///< 3 planes Y Cb Cr, chroma possibly subsampled; what colour they make is told by YccEncoding
};
[[nodiscard]] std::string_view name_of(PixelFormat format);
/// Bytes from one pixel to the next in plane 0.
[[nodiscard]] constexpr int bytes_per_pixel(PixelFormat format) {
  switch (format) {
    case PixelFormat::kRgb8:
    case PixelFormat::kBgr8:
      return 3;
    case PixelFormat::kRgbx8:
      return 4;
    default:
      return 1;
  }
}
/// Meaningful channels: 1 or 3.
[[nodiscard]] constexpr int num_channels(PixelFormat format) { return format == PixelFormat::kGray8 ? 1 : 3; }

/// How luma and chroma make red, green and blue (ITU-R BT.601, BT.709, BT.2020 non-constant luminance, SMPTE 240M, FCC).
enum class ColorMatrix : std::uint8_t { kBt601, kBt709, kBt2020, kSmpte240m, kFcc };
[[nodiscard]] std::string_view name_of(ColorMatrix matrix);

/// What kYcc8Planar samples mean. The default is JPEG's.
struct YccEncoding {
  ColorMatrix matrix = ColorMatrix::kBt601;
  bool full_range = true;  ///< false: luma 16..235, chroma 16..240
  friend bool operator==(const YccEncoding&, const YccEncoding&) = default;
};

/// A rectangle in pixels; x to the right, y down. Empty when width or height is 0.
struct Rect {
  int x = 0, y = 0, width = 0, height = 0;
  friend bool operator==(const Rect&, const Rect&) = default;
};

struct Size {
  int width = 0, height = 0;
  friend bool operator==(const Size&, const Size&) = default;
};

/// EXIF orientation, 1..8. Values 5..8 swap the axes.
enum class Orientation : std::uint8_t {
  kNormal = 1,
  kFlipHorizontal = 2,
  kRotate180 = 3,
  kFlipVertical = 4,
  kTranspose = 5,
  kRotate90 = 6,
  kTransverse = 7,
  kRotate270 = 8,
};
[[nodiscard]] constexpr bool swaps_axes(Orientation o) { return static_cast<int>(o) >= 5; }

struct Plane {
  std::uint8_t* data = nullptr;
  std::ptrdiff_t stride_bytes = 0;
  int width = 0, height = 0;
};

/// Borrowed pixels. Copying copies the pointers. Valid while the owner lives.
struct ImageView {
  PixelFormat format = PixelFormat::kRgb8;
  int width = 0, height = 0;
  std::array<Plane, 3> planes{};
  MemoryKind memory = MemoryKind::kHost;
  int device = 0;
  const ReadyEvent* ready = nullptr;

  [[nodiscard]] const std::uint8_t* row(int y) const { return planes[0].data + y * planes[0].stride_bytes; }
  [[nodiscard]] std::uint8_t* row(int y) { return planes[0].data + y * planes[0].stride_bytes; }
};

/// Owned interleaved host pixels, rows 64-byte aligned with 64 bytes of padding after the last, so that
/// SIMD may read past a row's end. `reshape` reuses the allocation where it fits.
class Image {
 public:
  Image() = default;
  Image(PixelFormat format, int width, int height) { reshape(format, width, height); }
  Image(Image&&) noexcept = default;
  Image& operator=(Image&&) noexcept = default;

  /// Contents become unspecified. Throws std::bad_alloc.
  void reshape(PixelFormat format, int width, int height);
  [[nodiscard]] const ImageView& view() const { return view_; }
  [[nodiscard]] ImageView& view() { return view_; }
  [[nodiscard]] std::size_t capacity_bytes() const { return capacity_bytes_; }

 private:
  struct Free {
    void operator()(std::uint8_t* p) const;
  };
  std::unique_ptr<std::uint8_t, Free> storage_;
  std::size_t capacity_bytes_ = 0;
  ImageView view_;
};

}  // namespace smol
