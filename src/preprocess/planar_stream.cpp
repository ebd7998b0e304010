#include "preprocess/planar_stream.h"

#include <algorithm>

namespace smol {
namespace {

constexpr std::size_t kSlack = 64;
/// More pixels than chroma sampled in another way can need beside those of luma: a support of 3, at a factor of 4, and one.
constexpr int kUncertainMargin = 16;

int divided_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

/// Plane rectangle that covers a rectangle of the picture.
Rect subsampled(const Rect& rect, Size chroma) {
  const int x = rect.x / chroma.width, y = rect.y / chroma.height;
  return {x, y, divided_up(rect.x + rect.width, chroma.width) - x, divided_up(rect.y + rect.height, chroma.height) - y};
}

/// How many pixels of the first plane fall on one of another. Where several would do, the other has one sample: all are
/// right.
int factor_of(int full, int plane) {
  for (const int factor : {1, 2, 4}) {
    if (divided_up(full, factor) == plane) return factor;
  }
  return 0;
}

}  // namespace

Status PlanarStream::prepare(const FusedStep& step, const PointOperations& points, const GeometrySource& source, Size chroma,
                             bool is_certain, const YccEncoding& encoding) {
  factors_ = ycc_factors(encoding);
  margin_ = is_certain ? 0 : kUncertainMargin;
  step_ = &step;
  points_ = points;
  source_ = source;
  begun_ = false;
  status_ = {};
  return plan_planes(chroma);
}

Status PlanarStream::plan_planes(Size chroma) {
  chroma_ = chroma;
  for (std::size_t i = 0; i < planes_.size(); ++i) {
    GeometrySource source = source_;
    if (i > 0) source.subsampling = chroma;
    FusedGeometry& geometry = planes_[i].geometry();
    SMOL_RETURN_IF_ERROR(compute_geometry(step_->operators, source, step_->coefficient_bits, geometry));
    canvas_ = geometry.canvas;
    content_ = geometry.content;
    if (i == 0) fills_.assign(geometry.fills.begin(), geometry.fills.end());
    geometry.fills.clear();
    geometry.canvas = {content_.width, content_.height};
    geometry.content = {0, 0, content_.width, content_.height};
    planes_[i].prepare({}, true, true);
    resized_[i].color = ColorOrder::kGray;
    resized_[i].size = geometry.canvas;
    resized_[i].allocate();
    planes_[i].set_slot(resized_[i].slot());
  }
  return {};
}

Rect PlanarStream::needed_region() const {
  Rect needed = planes_[0].needed_region();
  int right = needed.x + needed.width, bottom = needed.y + needed.height;
  for (std::size_t i = 1; i < planes_.size(); ++i) {
    const Rect plane = planes_[i].needed_region();
    needed.x = std::min(needed.x, plane.x * chroma_.width);
    needed.y = std::min(needed.y, plane.y * chroma_.height);
    right = std::max(right, (plane.x + plane.width) * chroma_.width);
    bottom = std::max(bottom, (plane.y + plane.height) * chroma_.height);
  }
  const Size size{divided_up(source_.stored.width, source_.scale_denominator),
                  divided_up(source_.stored.height, source_.scale_denominator)};
  needed.x = std::max(0, needed.x - margin_);
  needed.y = std::max(0, needed.y - margin_);
  return {needed.x, needed.y, std::min(right + margin_, size.width) - needed.x,
          std::min(bottom + margin_, size.height) - needed.y};
}

Status PlanarStream::begin(const Rect& delivered, Size /*scaled_size*/, PixelFormat format) {
  if (format != PixelFormat::kYcc8Planar) {
    return Error{ErrorCode::kInternal, "interleaved rows were delivered where planes were asked for", Stage::kPreprocess};
  }
  delivered_ = delivered;
  return {};
}

Status PlanarStream::begin_planes(const ImageView& rows) {
  begun_ = true;
  const Size factors{factor_of(rows.planes[0].width, rows.planes[1].width),
                     factor_of(rows.planes[0].height, rows.planes[1].height)};
  if (factors.width == 0 || factors.height == 0 || rows.planes[2].width != rows.planes[1].width) {
    return Error{ErrorCode::kUnsupported,
                 "planes must be subsampled by 1, 2 or 4, widths: " + std::to_string(rows.planes[0].width) + ", " +
                     std::to_string(rows.planes[1].width) + ", " + std::to_string(rows.planes[2].width),
                 Stage::kPreprocess};
  }
  if (!(factors == chroma_)) SMOL_RETURN_IF_ERROR(plan_planes(factors));
  for (std::size_t i = 0; i < planes_.size(); ++i) {
    const Rect delivered = i == 0 ? delivered_ : subsampled(delivered_, chroma_);
    SMOL_RETURN_IF_ERROR(planes_[i].begin(delivered, {}, PixelFormat::kGray8));
    wants_more_[i] = true;
  }
  return {};
}

bool PlanarStream::rows(int y, const ImageView& rows) {
  if (!begun_) status_ = begin_planes(rows);
  if (!status_) return false;
  bool any_wants_more = false;
  for (std::size_t i = 0; i < planes_.size(); ++i) {
    ImageView plane;
    plane.format = PixelFormat::kGray8;
    plane.width = rows.planes[i].width;
    plane.height = rows.planes[i].height;
    plane.planes[0] = rows.planes[i];
    if (wants_more_[i]) wants_more_[i] = planes_[i].rows(i == 0 ? y : y / chroma_.height, plane);
    any_wants_more = any_wants_more || wants_more_[i];
  }
  return any_wants_more;
}

Status PlanarStream::finish() {
  SMOL_RETURN_IF_ERROR(Status(status_));
  for (ResizeStream& plane : planes_) SMOL_RETURN_IF_ERROR(plane.finish());
  const KernelTable& kernels = active_kernels();
  writer_.begin(slot_, points_.normalization, kernels);
  for (auto fill = fills_.rbegin(); fill != fills_.rend(); ++fill) writer_.fill(fill->rect, content_, fill->value);
  std::array<const std::uint8_t*, 3> rgb{};
  std::array<std::uint8_t*, 3> targets{};
  for (std::size_t c = 0; c < rgb.size(); ++c) {
    rgb_[c].resize(static_cast<std::size_t>(content_.width) + kSlack);
    rgb[c] = targets[c] = rgb_[c].data();
  }
  for (int y = 0; y < content_.height; ++y) {
    std::array<const std::uint8_t*, 3> ycc{};
    for (std::size_t c = 0; c < ycc.size(); ++c) ycc[c] = resized_[c].data<std::uint8_t>() + resized_[c].index(0, y, 0);
    kernels.ycc_to_rgb(ycc.data(), factors_, targets.data(), content_.width);
    writer_.write(rgb, content_.x, content_.y + y, content_.width);
  }
  return {};
}

double PlanarStream::busy_us() const { return planes_[0].busy_us() + planes_[1].busy_us() + planes_[2].busy_us(); }

}  // namespace smol
