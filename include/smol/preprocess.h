#pragma once
/// Preprocessing: the operators, the logical pipeline (what), the physical pipeline (how) and the object that runs it.

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "smol/codec.h"
#include "smol/image.h"
#include "smol/result.h"
#include "smol/tensor.h"
#include "smol/video.h"

namespace smol {

/// Resampling filters with Pillow's definitions and supports (nearest 0, box .5, bilinear 1, hamming 1, bicubic 2, lanczos
/// 3).
enum class Filter : std::uint8_t { kNearest, kBox, kBilinear, kHamming, kBicubic, kLanczos };
[[nodiscard]] std::string_view name_of(Filter filter);
[[nodiscard]] Result<Filter> parse_filter(std::string_view name);

/// How faithful a physical form is to the reference output (Pillow's).
enum class FidelityLabel : std::uint8_t {
  kExact,       ///< bit-identical before normalisation; floats differ by at most 1 unit in the last place
  kWithin1Lsb,  ///< at most 1 of 255 per sample
  kLossy,       ///< more; taken only with its accuracy measured
};
[[nodiscard]] std::string_view name_of(FidelityLabel label);
[[nodiscard]] Result<FidelityLabel> parse_fidelity_label(std::string_view name);

// ---- Operators. Sizes in pixels; pictures are oriented before anything else. ----

/// Applies the EXIF orientation.
struct OrientOp {
  friend bool operator==(const OrientOp&, const OrientOp&) = default;
};

struct ResizeOp {
  enum class Mode : std::uint8_t {
    kShortSide,  ///< short side becomes `width`, aspect kept (torchvision: long = int(size * long / short))
    kLongSide,   ///< long side becomes `width`, aspect kept, rounded to nearest; for letterboxing
    kExact,      ///< exactly width x height
    kFit,        ///< largest size with the same aspect inside width x height, rounded to nearest
  };
  Mode mode = Mode::kShortSide;
  int width = 256, height = 0;
  Filter filter = Filter::kBilinear;
  bool antialias = true;  ///< false: support is not widened when shrinking (OpenCV's INTER_LINEAR family)
  friend bool operator==(const ResizeOp&, const ResizeOp&) = default;
};

/// A fixed rectangle of the oriented picture at this point of the pipeline, clipped to it.
struct CropOp {
  Rect rect;
  friend bool operator==(const CropOp&, const CropOp&) = default;
};

/// Torchvision's CenterCrop: offset = round-half-to-even((size - crop) / 2); smaller pictures are zero-padded first.
struct CenterCropOp {
  int width = 224, height = 224;
  friend bool operator==(const CenterCropOp&, const CenterCropOp&) = default;
};

/// Pads to width x height; the picture is centred (offset floor) or top-left. Pictures already larger are an error.
struct PadOp {
  int width = 0, height = 0;
  std::array<std::uint8_t, 3> value{0, 0, 0};  ///< in RGB order
  bool centered = true;
  friend bool operator==(const PadOp&, const PadOp&) = default;
};

struct ConvertOp {
  DType dtype = DType::kF32;  ///< kU8 or kF32
  friend bool operator==(const ConvertOp&, const ConvertOp&) = default;
};

/// out = (x - mean) * (1 / scale) per channel in RGB order, x on the 0..255 scale, in IEEE single precision.
struct NormalizeOp {
  std::array<float, 3> mean{0, 0, 0}, scale{1, 1, 1};
  friend bool operator==(const NormalizeOp&, const NormalizeOp&) = default;
};

/// Channel order of the tensor: RGB, BGR, or gray (Pillow's L: (19595 R + 38470 G + 7471 B + 0x8000) >> 16).
struct ColorOp {
  ColorOrder order = ColorOrder::kRGB;
  friend bool operator==(const ColorOp&, const ColorOp&) = default;
};

struct LayoutOp {
  Layout layout = Layout::kNCHW;
  friend bool operator==(const LayoutOp&, const LayoutOp&) = default;
};

/// An operator of a third party on interleaved 8-bit pictures. Thread-safe: one object serves all workers.
class UserOperator {
 public:
  virtual ~UserOperator() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Size of the result for an input of this size.
  [[nodiscard]] virtual Result<Size> output_size(Size input) const = 0;
  /// True when f(resize(x)) and resize(f(x)) agree within the label (point operators).
  [[nodiscard]] virtual bool commutes_with_geometry() const { return false; }
  /// Arithmetic operations per input pixel, for the cost model.
  [[nodiscard]] virtual double operations_per_pixel() const { return 10.0; }
  /// `in` and `out` are kRgb8; `out` already has output_size().
  virtual Status apply(const ImageView& in, ImageView& out) const = 0;
};

struct UserOp {
  std::shared_ptr<const UserOperator> op;
  friend bool operator==(const UserOp&, const UserOp&) = default;
};

using Operator =
    std::variant<OrientOp, ResizeOp, CropOp, CenterCropOp, PadOp, ConvertOp, NormalizeOp, ColorOp, LayoutOp, UserOp>;
/// "resize(short_side=256, filter=bilinear)": one stable text form, used by plans and `explain`.
[[nodiscard]] std::string to_string(const Operator& op);
/// Reads to_string's form back; `user_operators` resolves user(name). kInvalidArgument says what is allowed.
[[nodiscard]] Result<Operator> parse_operator(std::string_view text,
                                              const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});

/// A linear chain of operators from the decoded picture to one tensor. A DAG is several chains over one decode
/// (`PreprocessGraph`): one picture feeds several resizes or models.
struct LogicalPipeline {
  std::vector<Operator> operators;
  friend bool operator==(const LogicalPipeline&, const LogicalPipeline&) = default;
};

/// One decode, 1..m named outputs.
struct PreprocessGraph {
  struct Output {
    std::string name;
    LogicalPipeline pipeline;
  };
  std::vector<Output> outputs;
};

/// Checks order, sizes and types; returns what the tensor will be. kInvalidArgument names the operator.
struct OutputSpec {
  DType dtype = DType::kF32;
  Layout layout = Layout::kNCHW;
  ColorOrder color = ColorOrder::kRGB;
  int width = 0, height = 0;
};
[[nodiscard]] Result<OutputSpec> verify(const LogicalPipeline& pipeline);

// ---- Physical pipelines ----

/// How the decoder is driven.
struct DecodeStep {
  int scale_denominator = 1;
  bool region = false;      ///< push the needed region into the decoder
  bool early_stop = false;  ///< stop after the last needed row
  PixelFormat format = PixelFormat::kRgbx8;
  /// The embedded thumbnail in place of the picture, where it has one of its aspect ratio and at least half of the size that
  /// the resize wants; the whole picture elsewhere, for regions of interest, and where the thumbnail is damaged.
  bool thumbnail = false;
  Deblocking deblocking = Deblocking::kAll;  ///< of videos; pictures have none
  friend bool operator==(const DecodeStep&, const DecodeStep&) = default;
};

/// The geometric and arithmetic tail in one pass: rows are resized as they arrive, the last pass converts,
/// normalises, reorders and writes the tensor. Stands for orient + [crop] + resize + [crop | pad] + convert + normalise +
/// layout.
struct FusedStep {
  std::vector<Operator> operators;  ///< what it stands for, in logical order
  int coefficient_bits = 22;        ///< 22: Pillow's arithmetic; 14: one pass shortened, within 1 LSB
  friend bool operator==(const FusedStep&, const FusedStep&) = default;
};

/// One operator run on its own over a whole intermediate picture (`dag` optimisations off, user operators).
struct SingleStep {
  Operator op;
  friend bool operator==(const SingleStep&, const SingleStep&) = default;
};

using PhysicalStep = std::variant<SingleStep, FusedStep>;

struct PhysicalPipeline {
  DecodeStep decode;
  std::vector<PhysicalStep> host_steps;    ///< run by host workers, in order
  std::vector<Operator> device_operators;  ///< compiled into the model graph, in order (dtype/normalise/layout/colour)
  FidelityLabel label = FidelityLabel::kExact;
  friend bool operator==(const PhysicalPipeline&, const PhysicalPipeline&) = default;
};
/// One stable text form, one step a line; parse_physical_pipeline reads it back.
[[nodiscard]] std::string to_string(const PhysicalPipeline& pipeline);
/// `user_operators` resolves user(name) steps.
[[nodiscard]] Result<PhysicalPipeline> parse_physical_pipeline(
    std::string_view text, const std::vector<std::shared_ptr<const UserOperator>>& user_operators = {});
/// What the host steps write (the device operators still to come).
[[nodiscard]] Result<OutputSpec> verify(const PhysicalPipeline& pipeline);

/// Times of one item, microseconds. `decode_us` includes resizing where rows are resized while decoded.
struct PreprocessTiming {
  double decode_us = 0, preprocess_us = 0;
};

struct PreprocessOptions {
  FailOn fail_on = FailOn::kTruncated;
  std::optional<std::array<std::uint8_t, 3>> background;  ///< as of DecodeRequest
  DecodeLimits limits;
  std::stop_token stop;
  std::optional<Rect> roi;  ///< region of interest in the oriented full-size picture; replaces the whole picture
  /// The full-size oriented picture when the decoded rendition is smaller; maps `roi`. Default: the decoded size.
  std::optional<Size> full_size;
};

/// What a pipeline asks of the decoder for one picture and region of interest.
struct DecodeNeed {
  DecodeStep decode;           ///< the pipeline's step as far as this picture and region allow
  std::optional<Rect> pixels;  ///< in the stored, scaled picture (or thumbnail); empty = all
};

/// A part of a picture, decoded once to feed several regions of interest. Reused, it keeps its memory.
struct DecodedPart {
  ImageHeader header;  ///< of the thumbnail, where that was decoded
  DecodeStep decode;
  Rect rect;         ///< where `pixels` lie in the stored, scaled picture
  Size scaled_size;  ///< of that picture
  Image pixels;      ///< as stored, without the orientation
};
/// `needed` lie in the stored, scaled picture; empty = all. What else the format forces to be decoded is kept, too.
Result<DecodeReport> decode_part(Decoder& decoder, ByteView bytes, const ImageHeader& header, const DecodeNeed& need,
                                 const PreprocessOptions& options, DecodedPart& part);

/// Runs one physical pipeline. Owns its scratch memory and a cache of resize coefficients; after the first pictures
/// of a size it allocates nothing. Not thread-safe: one per worker. Usable after any error.
class Preprocessor {
 public:
  virtual ~Preprocessor() = default;
  /// Compressed bytes → tensor slot. On error the slot's contents are unspecified.
  virtual Result<DecodeReport> run(Decoder& decoder, ByteView bytes, const ImageHeader& header,
                                   const PreprocessOptions& options, const TensorSlot& slot) = 0;
  /// A decoded picture (host memory) → tensor slot.
  virtual Status run(const ImageView& picture, Orientation orientation, const PreprocessOptions& options,
                     const TensorSlot& slot) = 0;
  /// What run() would ask the decoder for. kInvalidArgument where the picture does not suit the pipeline.
  virtual Result<DecodeNeed> need(const ImageHeader& header, const PreprocessOptions& options) = 0;
  /// A part that covers need() → tensor slot, bit-identical with decoding for this region alone.
  virtual Status run(const DecodedPart& part, const PreprocessOptions& options, const TensorSlot& slot) = 0;
  [[nodiscard]] virtual const OutputSpec& output() const = 0;
  [[nodiscard]] virtual PreprocessTiming last_timing() const = 0;
};

/// Makes the object that runs a pipeline. kUnsupported, kInvalidArgument when it cannot be built.
[[nodiscard]] Result<std::unique_ptr<Preprocessor>> create_preprocessor(const PhysicalPipeline& pipeline);
/// One decode feeding several pipelines whose decode steps agree (several models, tiles).
Result<DecodeReport> run_many(Decoder& decoder, ByteView bytes, const ImageHeader& header, const PreprocessOptions& options,
                              std::span<Preprocessor* const> preprocessors, std::span<const TensorSlot> slots);

/// What decode_picture() delivers.
struct PictureRequest {
  int scale_denominator = 1;                              ///< one of the codec's; size = ceil(size / denominator)
  std::optional<Rect> region;                             ///< in the oriented, scaled picture, and inside it; empty = all
  bool keep_orientation = false;                          ///< leave the picture as it is stored
  std::optional<std::array<std::uint8_t, 3>> background;  ///< as of DecodeRequest
  FailOn fail_on = FailOn::kTruncated;
  DecodeLimits limits;
  std::stop_token stop;
};
/// Decodes an oriented picture, or a part of it, into `picture`: kGray8 where the file is gray, else kRgb8. Pixels outside
/// the region are decoded only as far as the format demands. `decoder` is one of `codec`'s.
Result<DecodeReport> decode_picture(const Codec& codec, Decoder& decoder, ByteView bytes, const PictureRequest& request,
                                    Image& picture);
/// The same of a decoded frame of a video; 1 is its only scale.
Result<DecodeReport> decode_picture(const FramePlanes& planes, Orientation orientation, const PictureRequest& request,
                                    Image& picture);

/// Names of the SIMD targets this machine can run, best first ("AVX3_VNNI", "AVX3", "AVX2", "SSE4",
/// "scalar").
[[nodiscard]] std::vector<std::string> simd_targets();
/// Restricts kernels to one of simd_targets() for tests and `--simd`; empty restores the best. Not thread-safe: call before
/// work starts.
Status set_simd_target(std::string_view name);

}  // namespace smol
