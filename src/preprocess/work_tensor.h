#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

#include "smol/codec.h"
#include "smol/tensor.h"

namespace smol {

/// An intermediate picture or tensor between two steps. Keeps its memory when it is reshaped.
class WorkTensor {
 public:
  DType dtype = DType::kU8;
  Layout layout = Layout::kNHWC;
  ColorOrder color = ColorOrder::kRGB;
  Size size;

  /// Room for the current dtype, size and colour; contents become unspecified.
  void allocate();
  [[nodiscard]] int channels() const { return color == ColorOrder::kGray ? 1 : 3; }
  [[nodiscard]] TensorSlot slot();
  /// 8-bit NHWC only.
  [[nodiscard]] ImageView picture();
  template <typename Sample>
  [[nodiscard]] Sample* data() {
    return reinterpret_cast<Sample*>(bytes_.data());
  }

  /// Index of a sample in data().
  [[nodiscard]] std::size_t index(int x, int y, int channel) const {
    const std::size_t width = static_cast<std::size_t>(size.width), height = static_cast<std::size_t>(size.height);
    return layout == Layout::kNHWC ? (y * width + x) * channels() + channel : (channel * height + y) * width + x;
  }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Collects decoded rows into a whole RGB picture.
class PictureCollector : public RowConsumer {
 public:
  explicit PictureCollector(WorkTensor& picture) : picture_(picture) {}
  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override;
  bool rows(int y, const ImageView& rows) override;

 private:
  WorkTensor& picture_;
  Rect delivered_;
  PixelFormat format_ = PixelFormat::kRgb8;
};

}  // namespace smol
