// Steps that only move samples: colour order, layout, the way into the slot.
#include <algorithm>

#include "preprocess/step_runner.h"

namespace smol {
namespace {

template <typename Sample>
void copy_samples(WorkTensor& source, WorkTensor& target, bool reverse_channels) {
  const int channels = source.channels();
  for (int c = 0; c < channels; ++c) {
    const int from = reverse_channels ? channels - 1 - c : c;
    for (int y = 0; y < source.size.height; ++y) {
      for (int x = 0; x < source.size.width; ++x) {
        target.data<Sample>()[target.index(x, y, c)] = source.data<Sample>()[source.index(x, y, from)];
      }
    }
  }
}

void to_gray(WorkTensor& source, WorkTensor& target) {
  const int red = source.color == ColorOrder::kBGR ? 2 : 0;
  const std::uint8_t* samples = source.data<std::uint8_t>();
  for (int y = 0; y < source.size.height; ++y) {
    for (int x = 0; x < source.size.width; ++x) {
      const int sum = 19595 * samples[source.index(x, y, red)] + 38470 * samples[source.index(x, y, 1)] +
                      7471 * samples[source.index(x, y, 2 - red)];
      target.data<std::uint8_t>()[target.index(x, y, 0)] = static_cast<std::uint8_t>((sum + 0x8000) >> 16);
    }
  }
}

}  // namespace

void StepRunner::recolor(const ColorOp& op) {
  WorkTensor& input = current();
  if (op.order == input.color) return;
  WorkTensor& output = other();
  output.dtype = input.dtype;
  output.layout = input.layout;
  output.size = input.size;
  output.color = op.order;
  output.allocate();
  if (op.order == ColorOrder::kGray) {
    to_gray(input, output);
  } else {
    input.dtype == DType::kU8 ? copy_samples<std::uint8_t>(input, output, true) : copy_samples<float>(input, output, true);
  }
  swap();
}

void StepRunner::relayout(const LayoutOp& op) {
  WorkTensor& input = current();
  if (op.layout == input.layout) return;
  WorkTensor& output = other();
  output.dtype = input.dtype;
  output.layout = op.layout;
  output.size = input.size;
  output.color = input.color;
  output.allocate();
  input.dtype == DType::kU8 ? copy_samples<std::uint8_t>(input, output, false) : copy_samples<float>(input, output, false);
  swap();
}

Status StepRunner::copy_to(const TensorSlot& slot) {
  const TensorSlot made = current().slot();
  if (made.width != slot.width || made.height != slot.height) {
    return Error{ErrorCode::kInvalidArgument,
                 "the picture does not fill the tensor, made and wanted: " + std::to_string(made.width) + "x" +
                     std::to_string(made.height) + ", " + std::to_string(slot.width) + "x" + std::to_string(slot.height),
                 Stage::kPreprocess};
  }
  std::memcpy(slot.data, made.data, made.size_bytes());
  return {};
}

}  // namespace smol
