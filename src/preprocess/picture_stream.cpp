#include "preprocess/picture_stream.h"

#include <algorithm>

namespace smol {
namespace {

std::string size_text(int width, int height) { return std::to_string(width) + "x" + std::to_string(height); }

std::string text_of(DType dtype, Layout layout, ColorOrder color, int width, int height) {
  return std::string(name_of(dtype)) + " " + std::string(name_of(layout)) + " " + std::string(name_of(color)) + " " +
         size_text(width, height);
}

int scaled(int side, int denominator) { return (side + denominator - 1) / denominator; }

bool fuses(const PhysicalPipeline& pipeline, const std::vector<Operator>& operators) {
  PhysicalPipeline one_step;
  one_step.host_steps.emplace_back(FusedStep{operators, 22});
  one_step.label = pipeline.label;
  return verify(one_step).ok();
}

}  // namespace

PictureStream::PictureStream(const PhysicalPipeline& pipeline, const OutputSpec& output)
    : pipeline_(pipeline), output_(output) {
  for (const PhysicalStep& step : pipeline.host_steps) {
    if (const auto* fused = std::get_if<FusedStep>(&step)) {
      flat_operators_.insert(flat_operators_.end(), fused->operators.begin(), fused->operators.end());
    } else {
      flat_operators_.push_back(std::get<SingleStep>(step).op);
    }
  }
  orients_ = std::any_of(flat_operators_.begin(), flat_operators_.end(),
                         [](const Operator& op) { return std::holds_alternative<OrientOp>(op); });
  first_fused_ = std::get_if<FusedStep>(&pipeline.host_steps.front());
  if (first_fused_ != nullptr) points_ = point_operations_of(first_fused_->operators);
  could_fuse_ = first_fused_ == nullptr && fuses(pipeline, flat_operators_);
}

Status PictureStream::check_slot(const TensorSlot& slot) const {
  const bool fits = slot.data != nullptr && slot.dtype == output_.dtype && slot.layout == output_.layout &&
                    slot.color == output_.color && slot.width == output_.width && slot.height == output_.height;
  if (fits) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the tensor slot must be what the pipeline writes, given and needed: " +
                   (slot.data == nullptr ? std::string("no memory")
                                         : text_of(slot.dtype, slot.layout, slot.color, slot.width, slot.height)) +
                   ", " + text_of(output_.dtype, output_.layout, output_.color, output_.width, output_.height),
               Stage::kPreprocess};
}

/// What the first fused step writes: the slot, or an intermediate tensor when more steps follow.
Result<TensorSlot> PictureStream::target_of(Size canvas, const TensorSlot& slot) {
  if (pipeline_.host_steps.size() > 1) {
    WorkTensor& intermediate = runner_.begin_picture();
    intermediate.dtype = points_.dtype;
    intermediate.layout = points_.layout;
    intermediate.color = points_.color;
    intermediate.size = canvas;
    intermediate.allocate();
    return intermediate.slot();
  }
  if (canvas == Size{slot.width, slot.height}) return slot;
  return Error{ErrorCode::kInvalidArgument,
               "the picture does not fill the tensor, made and wanted: " + size_text(canvas.width, canvas.height) + ", " +
                   size_text(slot.width, slot.height),
               Stage::kPreprocess};
}

Status PictureStream::plan_fused(bool gray) {
  route_ = Route::kFused;
  SMOL_RETURN_IF_ERROR(
      compute_geometry(first_fused_->operators, source_, first_fused_->coefficient_bits, stream_.geometry()));
  stream_.prepare(points_, gray, pipeline_.decode.early_stop);
  return {};
}

Status PictureStream::plan_planar(const ImageHeader& header) {
  route_ = Route::kPlanar;
  // A scaling decoder reaches subsampled planes by scaling them less.
  const int denominator = decode_.scale_denominator;
  const Size chroma{std::max(header.chroma_horizontal / denominator, 1), std::max(header.chroma_vertical / denominator, 1)};
  const bool is_certain = denominator == 1 || header.chroma_horizontal * header.chroma_vertical == 1;
  return planar_.prepare(*first_fused_, points_, source_, chroma, is_certain, header.ycc);
}

/// Where the planned picture goes.
Status PictureStream::aim_at(const TensorSlot& slot) {
  if (route_ == Route::kCollect) return {};
  const Size canvas = route_ == Route::kFused ? stream_.geometry().canvas : planar_.canvas();
  SMOL_ASSIGN_OR_RETURN(const TensorSlot target, target_of(canvas, slot));
  route_ == Route::kFused ? stream_.set_slot(target) : planar_.set_slot(target);
  return {};
}

Result<Rect> PictureStream::needed_by_single_steps() {
  SMOL_RETURN_IF_ERROR(compute_geometry(flat_operators_, source_, 22, stream_.geometry()));
  stream_.prepare({}, false, true);
  return stream_.needed_region();
}

int PictureStream::largest_denominator(const ImageHeader& header, const PreprocessOptions& options) const {
  const auto resize = std::find_if(flat_operators_.begin(), flat_operators_.end(),
                                   [](const Operator& op) { return std::holds_alternative<ResizeOp>(op); });
  if (resize == flat_operators_.end()) return 1;
  const Size oriented = orients_ ? header.oriented_size() : Size{header.width, header.height};
  const Size window = options.roi ? Size{options.roi->width, options.roi->height} : oriented;
  const Size resized = resized_size(std::get<ResizeOp>(*resize), window);
  int denominator = pipeline_.decode.scale_denominator;
  while (denominator > 1 && (window.width < denominator * resized.width || window.height < denominator * resized.height)) {
    denominator /= 2;
  }
  return denominator;
}

Status PictureStream::prepare(const ImageHeader& header, const DecodeStep& decode, const PreprocessOptions& options,
                              const TensorSlot& slot) {
  SMOL_RETURN_IF_ERROR(check_slot(slot));
  SMOL_RETURN_IF_ERROR(plan(header, decode, options));
  return aim_at(slot);
}

Status PictureStream::plan(const ImageHeader& header, const DecodeStep& decode, const PreprocessOptions& options) {
  decode_ = decode;
  const Size decoded{scaled(header.width, decode.scale_denominator), scaled(header.height, decode.scale_denominator)};
  if (header.width <= 0 || header.height <= 0) {
    return Error{ErrorCode::kInvalidArgument, "the picture is empty: " + size_text(header.width, header.height),
                 Stage::kPreprocess};
  }
  region_.reset();
  needed_.reset();
  const Size oriented = orients_ ? header.oriented_size() : Size{header.width, header.height};
  source_ = {{header.width, header.height},
             header.orientation,
             decode.scale_denominator,
             options.roi,
             options.full_size.value_or(oriented)};
  if (first_fused_ != nullptr && decode.format == PixelFormat::kYcc8Planar && !header.is_gray()) {
    SMOL_RETURN_IF_ERROR(plan_planar(header));
    needed_ = planar_.needed_region();
  } else if (first_fused_ != nullptr) {
    SMOL_RETURN_IF_ERROR(plan_fused(header.is_gray() || decode.format == PixelFormat::kGray8));
    needed_ = stream_.needed_region();
  } else {
    route_ = Route::kCollect;
    source_.stored = decoded;  // single steps see the decoded picture as it is
    source_.scale_denominator = 1;
    if (could_fuse_) {
      SMOL_ASSIGN_OR_RETURN(needed_, needed_by_single_steps());
    }
  }
  if (needed_ && decode.region) {
    region_ = needed_;
    if (!decode.early_stop) region_->height = decoded.height - region_->y;
  }
  return {};
}

Status PictureStream::begin(const Rect& delivered, Size scaled_size, PixelFormat format) {
  switch (route_) {
    case Route::kFused:
      return stream_.begin(delivered, scaled_size, format);
    case Route::kPlanar:
      return planar_.begin(delivered, scaled_size, format);
    case Route::kCollect:
      break;
  }
  runner_.begin_picture();  // the steps start where the collector writes, wherever those of the last picture ended
  return collector_.begin(delivered, scaled_size, format);
}

bool PictureStream::rows(int y, const ImageView& rows) {
  switch (route_) {
    case Route::kFused:
      return stream_.rows(y, rows);
    case Route::kPlanar:
      return planar_.rows(y, rows) || !decode_.early_stop;
    case Route::kCollect:
      break;
  }
  return collector_.rows(y, rows);
}

double PictureStream::busy_us() const {
  if (route_ == Route::kCollect) return 0.0;
  return route_ == Route::kFused ? stream_.busy_us() : planar_.busy_us();
}

Status PictureStream::finish(const TensorSlot& slot) {
  if (route_ == Route::kCollect) return run_single_steps(slot);
  SMOL_RETURN_IF_ERROR(route_ == Route::kFused ? stream_.finish() : planar_.finish());
  return finish_steps(slot);
}

/// The steps after a fused one.
Status PictureStream::finish_steps(const TensorSlot& slot) {
  if (pipeline_.host_steps.size() == 1) return {};
  const std::span<const PhysicalStep> rest{pipeline_.host_steps.data() + 1, pipeline_.host_steps.size() - 1};
  SMOL_RETURN_IF_ERROR(runner_.run(rest, source_.orientation));
  return runner_.copy_to(slot);
}

Status PictureStream::run_single_steps(const TensorSlot& slot) {
  Orientation orientation = source_.orientation;
  std::span<const PhysicalStep> steps = pipeline_.host_steps;
  if (source_.roi) {
    SMOL_RETURN_IF_ERROR(runner_.crop_to_region(source_, orients_));
    orientation = Orientation::kNormal;
  }
  SMOL_RETURN_IF_ERROR(runner_.run(steps, orientation));
  return runner_.copy_to(slot);
}

Status PictureStream::feed(const DecodedPart& part, const PreprocessOptions& options, const TensorSlot& slot) {
  if (options.stop.stop_requested()) return Error{ErrorCode::kCancelled, "stopped on request", Stage::kPreprocess};
  SMOL_RETURN_IF_ERROR(prepare(part.header, part.decode, options, slot));
  SMOL_RETURN_IF_ERROR(begin(part.rect, part.scaled_size, part.pixels.view().format));
  rows(part.rect.y, part.pixels.view());
  return finish(slot);
}

Status PictureStream::feed(const ImageView& picture, Orientation orientation, const PreprocessOptions& options,
                           const TensorSlot& slot) {
  SMOL_RETURN_IF_ERROR(check_slot(slot));
  if (picture.memory == MemoryKind::kDevice || picture.format == PixelFormat::kYcc8Planar) {
    return Error{ErrorCode::kUnsupported,
                 "decoded pictures must be interleaved and in host memory, format: " + std::string(name_of(picture.format)),
                 Stage::kPreprocess};
  }
  if (picture.width <= 0 || picture.height <= 0 || picture.planes[0].data == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "the picture is empty: " + size_text(picture.width, picture.height),
                 Stage::kPreprocess};
  }
  if (options.stop.stop_requested()) return Error{ErrorCode::kCancelled, "stopped on request", Stage::kPreprocess};
  if (picture.ready != nullptr) picture.ready->wait();
  source_ = {{picture.width, picture.height}, orientation, 1, options.roi, options.full_size};
  if (first_fused_ == nullptr) {
    const Size size{picture.width, picture.height};
    runner_.begin_picture();
    SMOL_RETURN_IF_ERROR(collector_.begin({0, 0, size.width, size.height}, size, picture.format));
    collector_.rows(0, picture);
    return run_single_steps(slot);
  }
  SMOL_RETURN_IF_ERROR(plan_fused(picture.format == PixelFormat::kGray8));
  SMOL_RETURN_IF_ERROR(aim_at(slot));
  SMOL_RETURN_IF_ERROR(feed_picture(picture, stream_, last_rows_));
  return finish_steps(slot);
}

}  // namespace smol
