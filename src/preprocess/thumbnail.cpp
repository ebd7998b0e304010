#include "preprocess/thumbnail.h"

#include <cmath>

#include "preprocess/geometry.h"

namespace smol {
namespace {

constexpr double kAspectTolerance = 0.02;
/// Enlarging more than this shows in every answer.
constexpr int kMaxEnlarging = 2;

}  // namespace

ImageHeader header_of_thumbnail(const ImageHeader& picture) {
  ImageHeader header = picture;
  header.width = picture.thumbnail.width;
  header.height = picture.thumbnail.height;
  header.compressed_bytes = picture.thumbnail.compressed_bytes;
  header.progressive = false;
  header.restart_interval = 0;
  header.planar = false;
  header.thumbnail = {};
  return header;
}

bool has_whole_thumbnail(const ImageHeader& picture) {
  const ImageHeader::Thumbnail& thumbnail = picture.thumbnail;
  if (thumbnail.width < 1 || thumbnail.height < 1) return false;
  const double ratio =
      static_cast<double>(thumbnail.width) * picture.height / (static_cast<double>(thumbnail.height) * picture.width);
  return std::abs(ratio - 1) <= kAspectTolerance;
}

const ResizeOp* resize_of_whole(std::span<const Operator> operators) {
  for (const Operator& op : operators) {
    if (const auto* resize = std::get_if<ResizeOp>(&op)) return resize;
    if (!std::holds_alternative<OrientOp>(op)) return nullptr;
  }
  return nullptr;
}

std::optional<ImageHeader> usable_thumbnail(const ImageHeader& picture, std::span<const Operator> operators) {
  const ResizeOp* resize = resize_of_whole(operators);
  if (!has_whole_thumbnail(picture) || resize == nullptr) return std::nullopt;
  const ImageHeader thumbnail = header_of_thumbnail(picture);
  const bool orients = std::holds_alternative<OrientOp>(operators.front());
  const auto size_of = [orients](const ImageHeader& header) {
    return orients ? header.oriented_size() : Size{header.width, header.height};
  };
  const Size wanted = resized_size(*resize, size_of(picture)), given = size_of(thumbnail);
  if (kMaxEnlarging * given.width < wanted.width || kMaxEnlarging * given.height < wanted.height) return std::nullopt;
  return thumbnail;
}

}  // namespace smol
