#include "backend/reference/device_operators.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

namespace smol {
namespace {

int num_channels(ColorOrder color) { return color == ColorOrder::kGray ? 1 : 3; }

/// One picture as floats in interleaved order; u8 values are exact in it. `spec` says what it stands for.
struct Picture {
  OutputSpec spec;
  std::vector<float> values;

  [[nodiscard]] std::size_t num_pixels() const { return static_cast<std::size_t>(spec.width) * spec.height; }
  /// Where channel c of pixel i lies in a dense tensor of the spec's layout.
  [[nodiscard]] std::size_t tensor_index(std::size_t pixel, int channel) const {
    return spec.layout == Layout::kNCHW ? channel * num_pixels() + pixel : pixel * num_channels(spec.color) + channel;
  }
};

/// Applies an operator to the specification and, when there are values, to them.
struct Apply {
  Picture& picture;

  Status operator()(const ConvertOp& convert) const {
    picture.spec.dtype = convert.dtype;
    if (convert.dtype == DType::kU8) {
      for (float& value : picture.values) value = std::clamp(std::nearbyint(value), 0.0F, 255.0F);
    }
    return {};
  }

  Status operator()(const NormalizeOp& normalize) const {
    picture.spec.dtype = DType::kF32;
    const int channels = num_channels(picture.spec.color);
    for (std::size_t i = 0; i < picture.values.size(); ++i) {
      const auto c = static_cast<int>(i % channels);
      const int rgb = picture.spec.color == ColorOrder::kBGR ? 2 - c : c;
      picture.values[i] = (picture.values[i] - normalize.mean[rgb]) * (1.0F / normalize.scale[rgb]);
    }
    return {};
  }

  Status operator()(const ColorOp& color) const {
    if (color.order == picture.spec.color) return {};
    if (color.order == ColorOrder::kGray) return unsupported(Operator{color});
    if (picture.spec.color == ColorOrder::kGray) {
      std::vector<float> tripled;
      for (float value : picture.values) tripled.insert(tripled.end(), 3, value);
      picture.values = std::move(tripled);
    } else {
      for (std::size_t i = 0; i + 2 < picture.values.size(); i += 3) std::swap(picture.values[i], picture.values[i + 2]);
    }
    picture.spec.color = color.order;
    return {};
  }

  Status operator()(const LayoutOp& layout) const {
    picture.spec.layout = layout.layout;
    return {};
  }

  template <typename Other>
  Status operator()(const Other& other) const {
    return unsupported(Operator{other});
  }

  static Status unsupported(const Operator& which) {
    return Error{
        ErrorCode::kUnsupported,
        "the reference backend runs convert, normalize, color (RGB, BGR) and layout as device operators; run this one "
        "on the host: " +
            to_string(which)};
  }
};

template <typename T>
void load(const T* from, Picture& picture) {
  const int channels = num_channels(picture.spec.color);
  picture.values.resize(picture.num_pixels() * channels);
  for (std::size_t pixel = 0; pixel < picture.num_pixels(); ++pixel) {
    for (int c = 0; c < channels; ++c) picture.values[pixel * channels + c] = from[picture.tensor_index(pixel, c)];
  }
}

template <typename T>
void store(const Picture& picture, T* to) {
  const int channels = num_channels(picture.spec.color);
  for (std::size_t pixel = 0; pixel < picture.num_pixels(); ++pixel) {
    for (int c = 0; c < channels; ++c) {
      to[picture.tensor_index(pixel, c)] = static_cast<T>(picture.values[pixel * channels + c]);
    }
  }
}

}  // namespace

Result<DeviceOperators> DeviceOperators::create(const OutputSpec& host_output, const std::vector<Operator>& operators,
                                                const OutputSpec& model_input) {
  Picture picture{host_output, {}};
  for (const Operator& op : operators) SMOL_RETURN_IF_ERROR(std::visit(Apply{picture}, op));
  const OutputSpec& made = picture.spec;
  // A model file does not tell RGB from BGR: the number of channels has to agree.
  if (made.dtype != model_input.dtype || made.layout != model_input.layout || made.width != model_input.width ||
      made.height != model_input.height || num_channels(made.color) != num_channels(model_input.color)) {
    return Error{ErrorCode::kInvalidArgument,
                 "the device operators do not end in what the model takes: the model takes " +
                     std::to_string(model_input.width) + "x" + std::to_string(model_input.height) + " " +
                     std::string(name_of(model_input.dtype)) + " " + std::string(name_of(model_input.layout))};
  }
  DeviceOperators result;
  result.host_output_ = host_output;
  result.model_input_ = model_input;
  result.operators_ = operators;
  return result;
}

void DeviceOperators::apply(const void* from, void* to) const {
  Picture picture{host_output_, {}};
  if (host_output_.dtype == DType::kU8) {
    load(static_cast<const std::uint8_t*>(from), picture);
  } else {
    load(static_cast<const float*>(from), picture);
  }
  for (const Operator& op : operators_) (void)std::visit(Apply{picture}, op);  // checked by create
  if (model_input_.dtype == DType::kU8) {
    store(picture, static_cast<std::uint8_t*>(to));
  } else {
    store(picture, static_cast<float*>(to));
  }
}

}  // namespace smol
