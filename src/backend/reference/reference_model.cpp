#include "backend/reference/reference_model.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "backend/model_file.h"
#include "base/text_file.h"
#include "base/yaml_fields.h"

namespace smol {
namespace {

constexpr std::int64_t kOne = 1 << 16;  // fixed point: 16 fractional bits

/// splitmix64's finaliser: a weight's bits depend on its index alone.
std::uint64_t hash(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// A weight in [-128, 127].
std::int64_t weight(std::uint64_t seed, std::uint64_t index) {
  return static_cast<std::int64_t>(hash((seed << 32) + (index + 1) * 0x9E3779B97F4A7C15ULL) & 0xFF) - 128;
}

std::int64_t fixed_point(std::uint8_t x) { return x * kOne; }
/// Multiplying by a power of two is exact, and rounding to nearest is IEEE's default: no machine differs.
std::int64_t fixed_point(float x) {
  if (!std::isfinite(x)) return 0;
  return static_cast<std::int64_t>(std::nearbyint(static_cast<double>(std::clamp(x, -32768.0F, 32767.0F)) * kOne));
}

template <typename T>
void add_cells(const OutputSpec& picture, int channels, int grid, const T* data, std::vector<std::int64_t>& sums,
               std::vector<std::int64_t>& counts) {
  const std::size_t width = picture.width, height = picture.height;
  const bool planar = picture.layout == Layout::kNCHW;
  for (int c = 0; c < channels; ++c) {
    for (std::size_t y = 0; y < height; ++y) {
      for (std::size_t x = 0; x < width; ++x) {
        const std::size_t index = planar ? (c * height + y) * width + x : (y * width + x) * channels + c;
        const std::size_t cell = (c * grid + y * grid / height) * grid + x * grid / width;
        sums[cell] += fixed_point(data[index]);
        ++counts[cell];
      }
    }
  }
}

}  // namespace

Result<ReferenceModel> ReferenceModel::load(const std::string& path) {
  const std::string where = "reference model " + path;
  if (extension_of(path) != ".refmodel") {
    return Error{ErrorCode::kUnsupported, "the reference backend reads .refmodel files: " + path, Stage::kParse};
  }
  SMOL_ASSIGN_OR_RETURN(const std::string text, read_text_file(path));
  SMOL_ASSIGN_OR_RETURN(const YAML::Node root, parse_yaml_mapping(text, where));
  ReferenceModel model;
  YamlFields fields(root, where);
  int format = 0, channels = 3, classes = 10;
  std::string kind = "projection", layout = "NHWC";
  fields.require("format", format);
  fields.read("kind", kind);
  fields.read("classes", classes);
  fields.read("seed", model.seed_);
  fields.read("delay_us", model.delay_us_);
  fields.read("fail_every", model.fail_every_);
  fields.read("max_batch", model.max_batch_);
  const YAML::Node input = fields.child("input");
  if (fields.ok() && format != 1) fields.fail(root, "'format' must be 1: " + std::to_string(format));
  if (kind != "mean" && kind != "projection") fields.fail(root, "'kind' must be mean or projection: " + kind);
  if (std::min({model.delay_us_, model.fail_every_, model.max_batch_, classes - 1}) < 0) {
    fields.fail(root, "delay_us, fail_every and max_batch must not be negative, classes at least 1");
  }
  SMOL_RETURN_IF_ERROR(fields.finish());

  YamlFields input_fields(input, where + ": input");
  model.input_.name = "input";
  model.picture_ = {.dtype = DType::kU8, .layout = Layout::kNHWC};
  input_fields.read("name", model.input_.name);
  input_fields.read_word("dtype", model.picture_.dtype, parse_dtype);
  input_fields.read("layout", layout);
  input_fields.require("width", model.picture_.width);
  input_fields.require("height", model.picture_.height);
  input_fields.read("channels", channels);
  const OutputSpec& picture = model.picture_;
  if ((picture.dtype != DType::kU8 && picture.dtype != DType::kF32) || (layout != "NHWC" && layout != "NCHW") ||
      (channels != 1 && channels != 3) || std::min(picture.width, picture.height) < 1 ||
      std::max(picture.width, picture.height) > 8192) {
    input_fields.fail(input, "dtype must be u8 or f32, layout NHWC or NCHW, channels 1 or 3, width and height 1..8192");
  }
  SMOL_RETURN_IF_ERROR(input_fields.finish());
  model.projects_ = kind == "projection";
  model.picture_.layout = layout == "NCHW" ? Layout::kNCHW : Layout::kNHWC;
  model.picture_.color = channels == 1 ? ColorOrder::kGray : ColorOrder::kRGB;
  model.input_.dtype = picture.dtype;
  model.input_.shape = picture.layout == Layout::kNCHW ? Shape{-1, channels, picture.height, picture.width}
                                                       : Shape{-1, picture.height, picture.width, channels};
  model.output_ = {model.projects_ ? "logits" : "means", DType::kF32, {-1, model.projects_ ? classes : channels}};
  return model;
}

std::vector<std::int64_t> ReferenceModel::cell_means(const void* picture, int grid) const {
  const int channels = picture_.color == ColorOrder::kGray ? 1 : 3;
  std::vector<std::int64_t> sums(static_cast<std::size_t>(channels) * grid * grid), counts(sums.size());
  if (picture_.dtype == DType::kU8) {
    add_cells(picture_, channels, grid, static_cast<const std::uint8_t*>(picture), sums, counts);
  } else {
    add_cells(picture_, channels, grid, static_cast<const float*>(picture), sums, counts);
  }
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = counts[i] == 0 ? 0 : sums[i] / counts[i];
  return sums;
}

void ReferenceModel::infer(const void* picture, float* output) const {
  const std::vector<std::int64_t> means = cell_means(picture, projects_ ? kGrid : 1);
  for (std::size_t i = 0; i < static_cast<std::size_t>(output_.shape[1]); ++i) {
    std::int64_t sum = 0;
    if (projects_) {
      for (std::size_t cell = 0; cell < means.size(); ++cell) sum += weight(seed_, i * means.size() + cell) * means[cell];
    } else {
      sum = means[i];
    }
    // Integers below 2^53 are exact in double; one rounding to float follows.
    output[i] = static_cast<float>(static_cast<double>(sum) / (projects_ ? kOne * 2048.0 : static_cast<double>(kOne)));
  }
}

}  // namespace smol
