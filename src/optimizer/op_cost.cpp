#include "optimizer/op_cost.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "optimizer/form.h"
#include "preprocess/geometry.h"
#include "preprocess/thumbnail.h"

namespace smol {
namespace {

/// Decoders deliver whole blocks: a region grows by about one 16-pixel unit on each axis.
constexpr double kBlockPixels = 16;
/// 14-bit coefficients take one multiply-add where 22-bit ones take two; with loads and stores that saved 28 of 100 us.
constexpr double kShortCoefficientShare = 0.7;
/// Y Cb Cr to R G B, per pixel.
constexpr double kColorOperations = 6;

/// A rectangle in fractional pixels.
struct Window {
  double x = 0, y = 0, width = 0, height = 0;
  [[nodiscard]] double area() const { return width * height; }
};

double support_of(Filter filter) {
  constexpr std::array<double, 6> kSupports{0, 0.5, 1, 1, 2, 3};
  return kSupports.at(static_cast<std::size_t>(filter));
}

/// Multiply-adds an output sample takes on one axis.
double taps_of(const ResizeOp& op, double scale) {
  const double support = support_of(op.filter) * (op.antialias ? std::max(scale, 1.0) : 1.0);
  return std::max(1.0, 2 * support);
}

/// Pixels that share a chroma sample on each axis; decoding at 1/2 delivers 2x2 chroma at full size.
struct ChromaFactors {
  double horizontal = 1, vertical = 1;
};
ChromaFactors chroma_factors(const ImageHeader& header, int denominator) {
  return {std::max(1.0, static_cast<double>(header.chroma_horizontal) / denominator),
          std::max(1.0, static_cast<double>(header.chroma_vertical) / denominator)};
}

/// Samples through the inverse transform per delivered pixel.
double stored_samples_per_pixel(const ImageHeader& header, int denominator) {
  if (header.channels != 3 || header.palette) return std::max(1, header.palette ? 1 : header.channels);
  const ChromaFactors chroma = chroma_factors(header, denominator);
  return 1 + 2 / (chroma.horizontal * chroma.vertical);
}

/// Frames are decoded whole for those that are predicted from them.
void count_prediction(const DecodeStep& decode, double samples, WorkCount& work) {
  /// Of the frames of common streams about this share is referred to.
  constexpr double kReferenceShare = 0.7;
  const bool reference_only = decode.deblocking == Deblocking::kReferenceOnly;
  work.decoded_samples = work.predicted_samples = samples;
  work.deblocked_samples =
      decode.deblocking == Deblocking::kNone ? 0 : std::ceil(samples * (reference_only ? kReferenceShare : 1.0));
}

/// `whole` is the stored, scaled picture, `needed` a part of it.
WorkCount count_window(const DecodeStep& decode, const ImageHeader& header, const Window& whole, const Window& needed) {
  const double last_row = std::min(whole.height, needed.y + needed.height + kBlockPixels / 2);
  double area = whole.area();
  if (decode.early_stop) area = whole.width * last_row;
  if (decode.region) {
    area = std::min(whole.width, needed.width + kBlockPixels) * std::min(whole.height, needed.height + kBlockPixels);
  }
  const bool stops = decode.early_stop && !header.progressive;
  const bool converts = decode.format != PixelFormat::kYcc8Planar && decode.format != PixelFormat::kGray8;
  WorkCount work;
  work.entropy_bytes = static_cast<double>(header.compressed_bytes) * (stops ? last_row / whole.height : 1.0);
  work.decoded_samples = area * stored_samples_per_pixel(header, std::max(1, decode.scale_denominator));
  work.converted_pixels = converts ? area : 0;
  if (header.predicted) count_prediction(decode, whole.area() * stored_samples_per_pixel(header, 1), work);
  work.entropy_bytes = header.predicted ? static_cast<double>(header.compressed_bytes) : work.entropy_bytes;
  return work;
}

/// What the geometric operators of one step read and write.
struct StepGeometry {
  Window read;                    ///< of the step's input
  Size output;                    ///< of the whole step
  Window resized;                 ///< the part of the resized picture that is wanted; empty without a resize
  double taps_x = 0, taps_y = 0;  ///< 0: no pass on this axis
  ResizeOp resize;
  double scale_x = 1, scale_y = 1;
};

/// Follows the geometry of one step: the wanted window is pulled back through the resize.
class GeometryFollower {
 public:
  /// `input` is the size after decoding at 1/`denominator`; crops before a resize are given in full-size pixels.
  GeometryFollower(Size input, int denominator)
      : denominator_(denominator),
        window_{0, 0, static_cast<double>(input.width), static_cast<double>(input.height)},
        size_(input) {}

  void follow(const Operator& op) {
    const Size before = size_;
    size_ = size_after(op, before);
    if (const auto* crop = std::get_if<CropOp>(&op)) {
      const int shrink = resize_ ? 1 : denominator_;
      size_ = {std::max(1, size_.width / shrink), std::max(1, size_.height / shrink)};
      take(static_cast<double>(crop->rect.x) / shrink, static_cast<double>(crop->rect.y) / shrink);
    } else if (std::holds_alternative<CenterCropOp>(op)) {
      take((before.width - size_.width) / 2.0, (before.height - size_.height) / 2.0);
    } else if (const auto* resize = std::get_if<ResizeOp>(&op)) {
      resize_ = *resize;
      source_ = window_;
      scale_x_ = source_.width / std::max(1, size_.width);
      scale_y_ = source_.height / std::max(1, size_.height);
      window_ = {0, 0, static_cast<double>(size_.width), static_cast<double>(size_.height)};
    }
  }

  [[nodiscard]] StepGeometry finish() const {
    if (!resize_) return {.read = window_, .output = size_};
    StepGeometry geometry{.output = size_, .resized = window_, .resize = *resize_, .scale_x = scale_x_, .scale_y = scale_y_};
    if (scale_x_ != 1.0) geometry.taps_x = taps_of(*resize_, scale_x_);
    if (scale_y_ != 1.0) geometry.taps_y = taps_of(*resize_, scale_y_);
    const double width = std::min(source_.width, window_.width * scale_x_ + geometry.taps_x);
    const double height = std::min(source_.height, window_.height * scale_y_ + geometry.taps_y);
    const double x = std::clamp(window_.x * scale_x_ - geometry.taps_x / 2, 0.0, source_.width - width);
    const double y = std::clamp(window_.y * scale_y_ - geometry.taps_y / 2, 0.0, source_.height - height);
    // Whole pixels: counts of equal work added in another order must be equal.
    geometry.read = {std::floor(source_.x + x), std::floor(source_.y + y), std::ceil(width), std::ceil(height)};
    return geometry;
  }

 private:
  /// Narrows the window to the current size at an offset; what lies outside is padding and costs no reading.
  void take(double x, double y) {
    window_.x += std::max(0.0, x);
    window_.y += std::max(0.0, y);
    window_.width = std::min<double>(window_.width, size_.width);
    window_.height = std::min<double>(window_.height, size_.height);
  }

  int denominator_;
  Window window_, source_;
  Size size_;
  std::optional<ResizeOp> resize_;
  double scale_x_ = 1, scale_y_ = 1;
};

class WorkCounter {
 public:
  WorkCounter(const PhysicalPipeline& pipeline, const ImageHeader& typical)
      : pipeline_(pipeline), typical_(pipeline.decode.thumbnail ? header_of_thumbnail(typical) : typical) {
    const int denominator = std::max(1, pipeline.decode.scale_denominator);
    const Size full = typical_.oriented_size();
    size_ = {(full.width + denominator - 1) / denominator, (full.height + denominator - 1) / denominator};
    planar_ = pipeline.decode.format == PixelFormat::kYcc8Planar;
    if (pipeline.decode.format == PixelFormat::kGray8) samples_ = 1;
    if (planar_) samples_ = stored_samples_per_pixel(typical_, denominator);
  }

  WorkCount count(bool separate_memory) {
    count_decode();
    for (const PhysicalStep& step : pipeline_.host_steps) count_step(step);
    replicate_gray();
    if (separate_memory) work_.transfer_bytes = picture_bytes();
    for (const Operator& op : pipeline_.device_operators) count_pointwise(op, dtype_, &work_.device_operations);
    return work_;
  }

 private:
  void count_decode() {
    Window whole{0, 0, static_cast<double>(size_.width), static_cast<double>(size_.height)};
    Window needed = whole;
    if (!pipeline_.host_steps.empty() && (pipeline_.decode.region || pipeline_.decode.early_stop)) {
      needed = geometry_of(pipeline_.host_steps.front()).read;
    }
    if (swaps_axes(typical_.orientation)) {
      std::swap(whole.width, whole.height);
      needed = {needed.y, needed.x, needed.height, needed.width};
    }
    work_ = count_window(pipeline_.decode, typical_, whole, needed);
  }

  [[nodiscard]] StepGeometry geometry_of(const PhysicalStep& step) const {
    const bool first = &step == &pipeline_.host_steps.front();
    GeometryFollower follower(size_, first ? pipeline_.decode.scale_denominator : 1);
    for (const Operator& op : operators_of(step)) follower.follow(op);
    return follower.finish();
  }

  void count_step(const PhysicalStep& step) {
    const auto* fused = std::get_if<FusedStep>(&step);
    const DType dtype_before = dtype_;
    if (const auto* user = fused == nullptr ? std::get_if<UserOp>(&std::get<SingleStep>(step).op) : nullptr) {
      work_.u8_operations += std::ceil(user->op->operations_per_pixel() * pixels());
    }
    const StepGeometry geometry = geometry_of(step);
    work_.memory_bytes += std::ceil(geometry.read.area() * samples_) * static_cast<double>(size_bytes_of(dtype_));
    count_resize(geometry, fused);
    size_ = geometry.output;
    if (planar_) {
      planar_ = false;
      samples_ = 3;
      work_.u8_operations += kColorOperations * pixels();
    }
    // Inside a fused step samples are put in order while they are still bytes; on its own a reorder moves what it finds.
    for (const Operator& op : operators_of(step)) count_pointwise(op, fused != nullptr ? dtype_before : dtype_, nullptr);
    if (&step == &pipeline_.host_steps.back()) replicate_gray();
    work_.memory_bytes += picture_bytes();
  }

  void count_resize(const StepGeometry& geometry, const FusedStep* fused) {
    const double share = fused != nullptr && fused->coefficient_bits == 14 ? kShortCoefficientShare : 1.0;
    const double operations = planar_ ? planes_operations(geometry) : samples_ * plane_operations(geometry);
    add_operations(std::ceil(operations * share), dtype_);
    // A resize of its own writes and reads a whole picture between its two passes.
    if (fused == nullptr && geometry.taps_x > 0 && geometry.taps_y > 0) {
      work_.memory_bytes +=
          2 * geometry.read.height * geometry.resized.width * samples_ * static_cast<double>(size_bytes_of(dtype_));
    }
  }

  [[nodiscard]] static double plane_operations(const StepGeometry& geometry) {
    return geometry.read.height * geometry.resized.width * geometry.taps_x + geometry.resized.area() * geometry.taps_y;
  }
  /// Every plane becomes as large as the result: subsampled chroma has fewer rows to begin with, but takes as many
  /// operations for each sample of the result, and is enlarged where luma keeps its size.
  [[nodiscard]] double planes_operations(const StepGeometry& geometry) const {
    ChromaFactors factors = chroma_factors(typical_, std::max(1, pipeline_.decode.scale_denominator));
    if (swaps_axes(typical_.orientation)) std::swap(factors.horizontal, factors.vertical);
    StepGeometry chroma = geometry;
    chroma.read.height /= factors.vertical;
    const double scale_x = geometry.scale_x / factors.horizontal, scale_y = geometry.scale_y / factors.vertical;
    chroma.taps_x = scale_x == 1 ? 0 : taps_of(geometry.resize, scale_x);
    chroma.taps_y = scale_y == 1 ? 0 : taps_of(geometry.resize, scale_y);
    return plane_operations(geometry) + 2 * plane_operations(chroma);
  }

  /// Counts convert, normalise, colour and layout at the current size; on the device when `device` is given.
  void count_pointwise(const Operator& op, DType reorder_dtype, double* device) {
    double f32 = 0, reorder = 0;
    if (const auto* convert = std::get_if<ConvertOp>(&op)) {
      if (convert->dtype == DType::kF32 && dtype_ != DType::kF32) f32 = samples_ * pixels();
      dtype_ = convert->dtype;
    } else if (std::holds_alternative<NormalizeOp>(op)) {
      replicate_gray();
      f32 = 2 * samples_ * pixels();
    } else if (std::holds_alternative<LayoutOp>(op)) {
      replicate_gray();
      reorder = samples_ * pixels();
    } else if (const auto* color = std::get_if<ColorOp>(&op)) {
      reorder = samples_ * pixels();
      gray_output_ = color->order == ColorOrder::kGray;
      if (gray_output_) samples_ = 1;
    }
    if (device != nullptr) {
      *device += f32 + reorder;
      return;
    }
    work_.f32_operations += f32;
    add_operations(reorder, reorder_dtype);
  }

  void add_operations(double operations, DType dtype) {
    (dtype == DType::kU8 ? work_.u8_operations : work_.f32_operations) += operations;
  }
  void replicate_gray() {
    if (samples_ == 1 && !gray_output_) samples_ = 3;
  }
  [[nodiscard]] double pixels() const { return static_cast<double>(size_.width) * size_.height; }
  [[nodiscard]] double picture_bytes() const { return pixels() * samples_ * static_cast<double>(size_bytes_of(dtype_)); }

  const PhysicalPipeline& pipeline_;
  const ImageHeader typical_;
  WorkCount work_;
  Size size_;
  DType dtype_ = DType::kU8;
  double samples_ = 3;
  bool planar_ = false, gray_output_ = false;
};

}  // namespace

Size size_after(const Operator& op, Size input) {
  if (const auto* resize = std::get_if<ResizeOp>(&op)) return resized_size(*resize, input);
  if (const auto* crop = std::get_if<CropOp>(&op)) return {crop->rect.width, crop->rect.height};
  if (const auto* crop = std::get_if<CenterCropOp>(&op)) return {crop->width, crop->height};
  if (const auto* pad = std::get_if<PadOp>(&op)) return {pad->width, pad->height};
  if (const auto* user = std::get_if<UserOp>(&op)) return user->op->output_size(input).value_or(input);
  return input;
}

Status verify(const OpCostWeights& weights) {
  for (const double weight : {weights.entropy_byte, weights.decoded_sample, weights.converted_pixel,
                              weights.predicted_sample, weights.deblocked_sample, weights.u8_operation,
                              weights.f32_operation, weights.memory_byte, weights.device_operation, weights.transfer_byte}) {
    if (!std::isfinite(weight) || weight < 0) {
      return Error{ErrorCode::kInvalidArgument,
                   "operator weights must be finite and not negative: " + std::to_string(weight)};
    }
  }
  if (weights.f32_operation < weights.u8_operation) {
    return Error{ErrorCode::kInvalidArgument,
                 "an operation on f32 must weigh at least as much as one on u8: " + std::to_string(weights.f32_operation)};
  }
  return {};
}

OpCost price(const WorkCount& work, const OpCostWeights& weights) {
  OpCost cost;
  cost.decode = work.entropy_bytes * weights.entropy_byte + work.decoded_samples * weights.decoded_sample +
                work.converted_pixels * weights.converted_pixel + work.predicted_samples * weights.predicted_sample +
                work.deblocked_samples * weights.deblocked_sample;
  cost.host = work.u8_operations * weights.u8_operation + work.f32_operations * weights.f32_operation +
              work.memory_bytes * weights.memory_byte;
  cost.device = work.device_operations * weights.device_operation;
  cost.transfer = work.transfer_bytes * weights.transfer_byte;
  return cost;
}

bool dominates(const WorkCount& a, const WorkCount& b) {
  const auto comparable = [](const WorkCount& work) {
    return std::array<double, 10>{work.entropy_bytes,
                                  work.decoded_samples,
                                  work.converted_pixels,
                                  work.predicted_samples,
                                  work.deblocked_samples,
                                  work.f32_operations,
                                  work.f32_operations + work.u8_operations,
                                  work.memory_bytes,
                                  work.device_operations,
                                  work.transfer_bytes};
  };
  const auto left = comparable(a), right = comparable(b);
  bool less = false;
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (left[i] > right[i]) return false;
    less = less || left[i] < right[i];
  }
  return less;
}

WorkCount count_decode(const DecodeStep& decode, const ImageHeader& header, const std::optional<Rect>& needed) {
  const double denominator = std::max(1, decode.scale_denominator);
  const Window whole{0, 0, std::ceil(header.width / denominator), std::ceil(header.height / denominator)};
  Window part = whole;
  if (needed) {
    part = {static_cast<double>(needed->x), static_cast<double>(needed->y), static_cast<double>(needed->width),
            static_cast<double>(needed->height)};
  }
  return count_window(decode, header, whole, part);
}

WorkCount count_work(const PhysicalPipeline& pipeline, const ImageHeader& typical, bool separate_memory) {
  return WorkCounter(pipeline, typical).count(separate_memory);
}

}  // namespace smol
