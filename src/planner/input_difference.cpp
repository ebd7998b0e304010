#include "planner/input_difference.h"

#include <algorithm>
#include <cmath>

#include "engine/frame_access.h"

namespace smol {
namespace {

/// A pipeline and the tensor it writes.
struct Side {
  std::unique_ptr<Preprocessor> preprocessor;
  TensorSlot tensor;
  std::vector<std::uint8_t> memory;
};

Result<Side> make_side(const PhysicalPipeline& pipeline) {
  Side side;
  SMOL_ASSIGN_OR_RETURN(side.preprocessor, create_preprocessor(pipeline));
  const OutputSpec& output = side.preprocessor->output();
  side.tensor = {nullptr, output.dtype, output.layout, output.color, output.width, output.height};
  side.memory.resize(side.tensor.size_bytes() + 64);
  side.tensor.data = side.memory.data();
  return side;
}

/// By channel of the tensor: what one step of the tensor is in steps of the picture.
std::array<double, 3> steps_of(const PhysicalPipeline& pipeline, ColorOrder color) {
  std::array<double, 3> steps{1, 1, 1};
  const auto look = [&steps](const Operator& op) {
    if (const auto* normalize = std::get_if<NormalizeOp>(&op)) {
      for (std::size_t channel = 0; channel < 3; ++channel) steps[channel] = std::abs(normalize->scale[channel]);
    }
  };
  for (const PhysicalStep& step : pipeline.host_steps) {
    if (const auto* fused = std::get_if<FusedStep>(&step)) {
      for (const Operator& op : fused->operators) look(op);
    } else {
      look(std::get<SingleStep>(step).op);
    }
  }
  if (color == ColorOrder::kBGR) std::swap(steps[0], steps[2]);
  return steps;
}

double value_at(const TensorSlot& tensor, std::size_t index) {
  if (tensor.dtype == DType::kF32) return static_cast<const float*>(tensor.data)[index];
  if (tensor.dtype == DType::kI8) return static_cast<const std::int8_t*>(tensor.data)[index];
  return static_cast<const std::uint8_t*>(tensor.data)[index];
}

void compare(const TensorSlot& exact, const TensorSlot& other, const std::array<double, 3>& steps, InputDifference& total) {
  const auto channels = static_cast<std::size_t>(exact.channels());
  const std::size_t plane = static_cast<std::size_t>(exact.width) * static_cast<std::size_t>(exact.height);
  double sum = 0;
  for (std::size_t i = 0; i < plane * channels; ++i) {
    const std::size_t channel = exact.layout == Layout::kNCHW ? i / plane : i % channels;
    const double difference = std::abs(value_at(exact, i) - value_at(other, i)) * steps[channel];
    sum += difference;
    total.max = std::max(total.max, difference);
  }
  total.mean += sum / static_cast<double>(plane * channels);
  ++total.num_pictures;
}

}  // namespace

Result<InputDifference> measure_difference(const Runtime& runtime, const PhysicalPipeline& exact,
                                           const PhysicalPipeline& other, const std::vector<Item>& items, int max_pictures,
                                           const DecodeLimits& limits) {
  SMOL_ASSIGN_OR_RETURN(Side first, make_side(exact));
  SMOL_ASSIGN_OR_RETURN(Side second, make_side(other));
  if (first.tensor.dtype != second.tensor.dtype || first.tensor.layout != second.tensor.layout ||
      first.tensor.size_bytes() != second.tensor.size_bytes()) {
    return Error{ErrorCode::kInvalidArgument, "only pipelines that write the same tensor can be compared"};
  }
  const std::array<double, 3> steps = steps_of(exact, first.tensor.color);
  PreprocessOptions options;
  options.limits = limits;
  InputDifference total;
  std::vector<std::uint8_t> bytes;
  FrameAccess exact_frames, other_frames;
  for (const Item& item : items) {
    if (total.num_pictures == max_pictures) break;
    if (item.video && !item.error) {
      const auto run = [&](FrameAccess& frames, const PhysicalPipeline& pipeline, Side& side) {
        return frames.with_frame(item, {pipeline.decode.deblocking, pipeline.decode.scale_denominator}, limits,
                                 [&](Decoder& decoder, const ImageHeader& header, double /*frame_us*/) -> Status {
                                   const auto report = side.preprocessor->run(decoder, {}, header, options, side.tensor);
                                   return report.ok() ? Status{} : report.error();
                                 });
      };
      if (run(exact_frames, exact, first).ok() && run(other_frames, other, second).ok())
        compare(first.tensor, second.tensor, steps, total);
      continue;
    }
    if (item.error || item.picture || (!item.bytes && !read_item(item, bytes).ok())) continue;
    const ByteView view = item.bytes ? ByteView(*item.bytes) : ByteView(bytes);
    const Codec* codec = runtime.codecs.sniff(view);
    if (codec == nullptr) continue;
    const std::unique_ptr<Decoder> decoder = codec->create_decoder();
    const Result<ImageHeader> header = decoder->probe(view);
    if (!header.ok() || !first.preprocessor->run(*decoder, view, *header, options, first.tensor).ok() ||
        !second.preprocessor->run(*decoder, view, *header, options, second.tensor).ok()) {
      continue;
    }
    compare(first.tensor, second.tensor, steps, total);
  }
  if (total.num_pictures > 0) total.mean /= total.num_pictures;
  return total;
}

}  // namespace smol
