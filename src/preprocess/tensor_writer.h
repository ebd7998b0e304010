#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "preprocess/kernels.h"
#include "smol/preprocess.h"

namespace smol {

/// dtype, layout and colour after the point operators among `operators`, and their constants.
struct PointOperations {
  DType dtype = DType::kU8;
  Layout layout = Layout::kNHWC;
  ColorOrder color = ColorOrder::kRGB;
  bool gray_before_resize = false;  ///< color(gray) stands before the resize
  Normalization normalization;
};
[[nodiscard]] PointOperations point_operations_of(std::span<const Operator> operators);

/// Writes planar 8-bit rows into a tensor slot: convert, normalise, reorder, interleave. Keeps its scratch memory.
class TensorWriter {
 public:
  void begin(const TensorSlot& slot, const Normalization& normalization, const KernelTable& kernels);
  /// One row of `width` pixels at (x, y). `planes` holds 3 pointers for colour, 1 for gray (replicated as needed); readable
  /// 64 bytes past their end.
  void write(std::span<const std::uint8_t* const> planes, int x, int y, int width);
  /// Paints `rect` except `spared` with a colour, treated like pixels.
  void fill(const Rect& rect, const Rect& spared, std::array<std::uint8_t, 3> value);

 private:
  void write_u8(const std::array<const std::uint8_t*, 3>& planes, int x, int y, int width);
  void write_f32(const std::array<const std::uint8_t*, 3>& planes, int x, int y, int width);
  void fill_row(const std::array<const std::uint8_t*, 3>& planes, int y, int begin, int end);

  TensorSlot slot_;
  Normalization normalization_;  // in the order of the tensor's channels
  const KernelTable* kernels_ = nullptr;
  std::vector<std::uint8_t> gray_;
  std::vector<std::uint8_t> fill_rows_;
};

}  // namespace smol
