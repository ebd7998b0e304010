// Holds every generated form to its label on pixels: exact forms write the same tensor, bit for bit, forms within 1 of 255
// stay within it. The forms run as they are, also those that pruning drops.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "inputs.h"
#include "smol/image.h"

namespace smol::test {
namespace {

constexpr float kScale = 50;

NormalizeOp normalize() { return {{100, 110, 120}, {kScale, kScale, kScale}}; }

/// Noise with edges: every phase of every filter matters.
Image noise(int width, int height) {
  Image image(PixelFormat::kRgb8, width, height);
  std::mt19937 random(static_cast<unsigned>(width * 7919 + height));
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < 3 * width; ++x) {
      image.view().row(y)[x] = static_cast<std::uint8_t>((x / 9 + y / 5) % 2 == 0 ? random() : random() % 2 * 255);
    }
  }
  return image;
}

/// Exchanges red and blue: commutes with all geometry, bit for bit.
class ExchangeColors : public UserOperator {
 public:
  [[nodiscard]] std::string_view name() const override { return "exchange"; }
  [[nodiscard]] Result<Size> output_size(Size input) const override { return input; }
  [[nodiscard]] bool commutes_with_geometry() const override { return true; }
  Status apply(const ImageView& in, ImageView& out) const override {
    for (int y = 0; y < in.height; ++y) {
      for (int x = 0; x < in.width; ++x) {
        for (int c = 0; c < 3; ++c) out.row(y)[3 * x + c] = in.row(y)[3 * x + 2 - c];
      }
    }
    return {};
  }
};

/// The tensor as floats; bytes are widened, so that one comparison serves both.
std::vector<float> tensor_of(const PhysicalPipeline& form, const Image& image, Orientation orientation) {
  auto preprocessor = create_preprocessor(form);
  EXPECT_TRUE(preprocessor) << preprocessor.error().message << "\n" << to_string(form);
  if (!preprocessor) return {};
  const OutputSpec& spec = (*preprocessor)->output();
  TensorSlot slot{nullptr, spec.dtype, spec.layout, spec.color, spec.width, spec.height};
  std::vector<std::uint8_t> bytes(slot.size_bytes() + 64);
  slot.data = bytes.data();
  const Status status = (*preprocessor)->run(image.view(), orientation, {}, slot);
  EXPECT_TRUE(status) << status.error().message << "\n" << to_string(form);
  std::vector<float> values(slot.size_bytes() / size_bytes_of(spec.dtype));
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (spec.dtype == DType::kF32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else {
      values[i] = bytes[i];
    }
  }
  return values;
}

double largest_difference(const std::vector<float>& a, const std::vector<float>& b) {
  double largest = a.size() == b.size() ? 0.0 : INFINITY;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    largest = std::max(largest, std::abs(double{a[i]} - double{b[i]}));
  }
  return largest;
}

/// Runs every generated form and every candidate on the host of `logical` against the logical pipeline step by step.
void expect_labels_hold(const LogicalPipeline& logical, int width, int height, Orientation orientation) {
  OptimizerInput input = capable_input(logical, width, height);
  input.keep_all_forms = true;
  const auto result = optimize(input);
  ASSERT_TRUE(result) << result.error().message;
  const Image image = noise(width, height);
  PhysicalPipeline plain;
  for (const Operator& op : logical.operators) plain.host_steps.emplace_back(SingleStep{op});
  const std::vector<float> expected = tensor_of(plain, image, orientation);
  float scale = 1;
  for (const Operator& op : logical.operators) {
    if (const auto* normalize_op = std::get_if<NormalizeOp>(&op)) scale = normalize_op->scale[0];
  }
  // One of 255 in the tensor's unit, and a little for the rounding of floats.
  const double one = 1.0001 / scale;
  std::vector<Candidate> all;
  for (const FormRecord& form : result->forms) all.push_back(form.candidate);
  for (const Candidate& candidate : result->candidates) {
    const DecodeStep& decode = candidate.pipeline.decode;
    const bool on_host = candidate.pipeline.device_operators.empty() && decode.scale_denominator == 1;
    if (on_host && decode.format == PixelFormat::kRgbx8) all.push_back(candidate);
  }
  for (const Candidate& candidate : all) {
    const FidelityLabel label = candidate.pipeline.label;
    if (label == FidelityLabel::kLossy) continue;
    const double difference = largest_difference(expected, tensor_of(candidate.pipeline, image, orientation));
    EXPECT_LE(difference, label == FidelityLabel::kExact ? 0.0 : one)
        << width << "x" << height << " orientation " << static_cast<int>(orientation) << "\n"
        << to_string(candidate.pipeline);
  }
}

struct Shape {
  int width, height;
  Orientation orientation;
};

class FormsAgree : public testing::TestWithParam<Shape> {
 protected:
  void expect(const LogicalPipeline& logical) {
    expect_labels_hold(logical, GetParam().width, GetParam().height, GetParam().orientation);
  }
};

TEST_P(FormsAgree, Classification) {
  expect(
      {{OrientOp{}, ResizeOp{ResizeOp::Mode::kShortSide, 40}, CenterCropOp{32, 36}, ConvertOp{}, normalize(), LayoutOp{}}});
}

TEST_P(FormsAgree, CropThatMayPad) { expect({{OrientOp{}, CenterCropOp{64, 64}, ConvertOp{}, normalize(), LayoutOp{}}}); }

TEST_P(FormsAgree, BlueGreenRed) {
  expect({{OrientOp{}, ResizeOp{ResizeOp::Mode::kShortSide, 33}, CenterCropOp{20, 31}, ConvertOp{}, normalize(),
           ColorOp{ColorOrder::kBGR}}});
}

TEST_P(FormsAgree, Gray) {
  expect({{OrientOp{}, ResizeOp{ResizeOp::Mode::kShortSide, 24}, CenterCropOp{24, 24}, ColorOp{ColorOrder::kGray},
           ConvertOp{}, LayoutOp{}}});
}

TEST_P(FormsAgree, Letterbox) {
  expect({{OrientOp{}, ResizeOp{ResizeOp::Mode::kFit, 48, 48, Filter::kLanczos}, PadOp{48, 48, {114, 115, 116}}, ConvertOp{},
           normalize(), LayoutOp{}}});
}

TEST_P(FormsAgree, LetterboxThenCrop) {
  expect({{OrientOp{}, ResizeOp{ResizeOp::Mode::kFit, 48, 48}, PadOp{50, 52, {10, 20, 30}}, CenterCropOp{49, 47},
           ColorOp{ColorOrder::kBGR}, ConvertOp{}, normalize()}});
}

TEST_P(FormsAgree, Floats) {
  expect(
      {{OrientOp{}, ConvertOp{}, ResizeOp{ResizeOp::Mode::kShortSide, 40}, CenterCropOp{32, 32}, normalize(), LayoutOp{}}});
}

TEST_P(FormsAgree, Nearest) {
  expect({{OrientOp{}, ResizeOp{ResizeOp::Mode::kExact, 70, 30, Filter::kNearest}, ConvertOp{}, normalize(), LayoutOp{}}});
}

TEST_P(FormsAgree, CropBeforeResize) {
  expect({{OrientOp{}, CropOp{{3, 5, 30, 28}}, ResizeOp{ResizeOp::Mode::kExact, 24, 40, Filter::kBicubic}, ConvertOp{},
           LayoutOp{}}});
}

TEST_P(FormsAgree, UserOperator) {
  expect({{OrientOp{}, UserOp{std::make_shared<ExchangeColors>()}, ResizeOp{ResizeOp::Mode::kShortSide, 40},
           CenterCropOp{32, 32}, ConvertOp{}, normalize(), LayoutOp{}}});
}

TEST_P(FormsAgree, NoOps) {
  expect({{OrientOp{}, ResizeOp{ResizeOp::Mode::kFit, 48, 48}, ResizeOp{ResizeOp::Mode::kFit, 48, 48, Filter::kBox},
           PadOp{48, 48}, CenterCropOp{48, 48}, ColorOp{}, ConvertOp{DType::kU8}, ConvertOp{}, NormalizeOp{}}});
}

INSTANTIATE_TEST_SUITE_P(Shapes, FormsAgree,
                         testing::Values(Shape{97, 61, Orientation::kNormal}, Shape{61, 97, Orientation::kRotate90},
                                         Shape{200, 160, Orientation::kRotate180}, Shape{37, 34, Orientation::kTranspose}),
                         [](const auto& shape) {
                           return std::to_string(shape.param.width) + "x" + std::to_string(shape.param.height);
                         });

}  // namespace
}  // namespace smol::test
