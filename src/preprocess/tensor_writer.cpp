#include "preprocess/tensor_writer.h"

#include <algorithm>
#include <cstring>

namespace smol {
namespace {

constexpr std::size_t kReadPastEnd = 64;

std::uint8_t gray_of(std::array<std::uint8_t, 3> rgb) {
  return static_cast<std::uint8_t>((19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 0x8000) >> 16);
}

}  // namespace

PointOperations point_operations_of(std::span<const Operator> operators) {
  PointOperations result;
  std::size_t resize_at = operators.size(), gray_at = operators.size();
  for (std::size_t i = 0; i < operators.size(); ++i) {
    if (const auto* convert = std::get_if<ConvertOp>(&operators[i])) result.dtype = convert->dtype;
    if (const auto* layout = std::get_if<LayoutOp>(&operators[i])) result.layout = layout->layout;
    if (const auto* color = std::get_if<ColorOp>(&operators[i])) {
      result.color = color->order;
      if (color->order == ColorOrder::kGray) gray_at = std::min(gray_at, i);
    }
    if (std::holds_alternative<ResizeOp>(operators[i])) resize_at = i;
    if (const auto* normalize = std::get_if<NormalizeOp>(&operators[i])) {
      result.normalization.mean = normalize->mean;
      for (std::size_t c = 0; c < 3; ++c) result.normalization.inverse_scale[c] = 1.0F / normalize->scale[c];
    }
  }
  result.gray_before_resize = gray_at < resize_at;
  return result;
}

void TensorWriter::begin(const TensorSlot& slot, const Normalization& normalization, const KernelTable& kernels) {
  slot_ = slot;
  normalization_ = normalization;
  kernels_ = &kernels;
  if (slot.color == ColorOrder::kBGR) {
    std::swap(normalization_.mean[0], normalization_.mean[2]);
    std::swap(normalization_.inverse_scale[0], normalization_.inverse_scale[2]);
  }
}

void TensorWriter::write(std::span<const std::uint8_t* const> planes, int x, int y, int width) {
  std::array<const std::uint8_t*, 3> ordered{planes[0], planes[0], planes[0]};
  if (planes.size() == 3) {
    ordered = {planes[0], planes[1], planes[2]};
    if (slot_.color == ColorOrder::kBGR) std::swap(ordered[0], ordered[2]);
    if (slot_.color == ColorOrder::kGray) {
      gray_.resize(static_cast<std::size_t>(width) + kReadPastEnd);
      kernels_->planes_to_gray(ordered.data(), gray_.data(), width);
      ordered.fill(gray_.data());
    }
  }
  slot_.dtype == DType::kU8 ? write_u8(ordered, x, y, width) : write_f32(ordered, x, y, width);
}

void TensorWriter::write_u8(const std::array<const std::uint8_t*, 3>& planes, int x, int y, int width) {
  auto* data = static_cast<std::uint8_t*>(slot_.data);
  const std::ptrdiff_t offset = std::ptrdiff_t{y} * slot_.width + x;
  const int channels = slot_.channels();
  if (channels == 3 && slot_.layout == Layout::kNHWC) {
    kernels_->write_u8_interleaved(planes.data(), data + 3 * offset, width);
    return;
  }
  for (int c = 0; c < channels; ++c) {
    std::memcpy(data + c * std::ptrdiff_t{slot_.width} * slot_.height + offset, planes[c], static_cast<std::size_t>(width));
  }
}

void TensorWriter::write_f32(const std::array<const std::uint8_t*, 3>& planes, int x, int y, int width) {
  auto* data = static_cast<float*>(slot_.data);
  const std::ptrdiff_t offset = std::ptrdiff_t{y} * slot_.width + x;
  const int channels = slot_.channels();
  if (channels == 3 && slot_.layout == Layout::kNHWC) {
    kernels_->write_f32_interleaved(planes.data(), data + 3 * offset, width, normalization_);
    return;
  }
  for (int c = 0; c < channels; ++c) {
    kernels_->write_f32_plane(planes[c], data + c * std::ptrdiff_t{slot_.width} * slot_.height + offset, width,
                              normalization_.mean[c], normalization_.inverse_scale[c]);
  }
}

void TensorWriter::fill(const Rect& rect, const Rect& spared, std::array<std::uint8_t, 3> value) {
  if (slot_.color == ColorOrder::kBGR) std::swap(value[0], value[2]);
  if (slot_.color == ColorOrder::kGray) value.fill(gray_of(value));
  const std::size_t stride = static_cast<std::size_t>(rect.width) + kReadPastEnd;
  fill_rows_.resize(3 * stride);
  std::array<const std::uint8_t*, 3> planes{};
  for (std::size_t c = 0; c < 3; ++c) {
    std::memset(&fill_rows_[c * stride], value[c], stride);
    planes[c] = &fill_rows_[c * stride];
  }
  const int right = rect.x + rect.width;
  for (int y = rect.y; y < rect.y + rect.height; ++y) {
    const bool meets = y >= spared.y && y < spared.y + spared.height;
    fill_row(planes, y, rect.x, meets ? std::min(right, spared.x) : right);
    if (meets) fill_row(planes, y, std::max(rect.x, spared.x + spared.width), right);
  }
}

void TensorWriter::fill_row(const std::array<const std::uint8_t*, 3>& planes, int y, int begin, int end) {
  if (begin >= end) return;
  slot_.dtype == DType::kU8 ? write_u8(planes, begin, y, end - begin) : write_f32(planes, begin, y, end - begin);
}

}  // namespace smol
