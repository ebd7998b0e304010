#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "backend/model_file.h"
#include "smol/model.h"

namespace smol {
namespace {

/// Notes what was guessed while the card is filled in.
class CardDrafter {
 public:
  DraftCard draft;

  Status fill_input(const std::vector<TensorSpec>& inputs) {
    const TensorSpec* picture = nullptr;
    for (const TensorSpec& input : inputs) {
      if (input.shape.size() == 4 && (is_channels(input.shape[1]) || is_channels(input.shape[3]))) picture = &input;
      if (picture != nullptr) break;
    }
    if (picture == nullptr) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("no input takes a picture (4 dimensions, 1 or 3 channels): {}", describe_all(inputs))};
    }
    if (inputs.size() > 1) assume("input.name", "the first of several inputs that takes a picture");
    const Shape& shape = picture->shape;
    ModelCard& card = draft.card;
    card.input_name = picture->name;
    card.layout = is_channels(shape[1]) && !(is_channels(shape[3]) && shape[3] == 3) ? Layout::kNCHW : Layout::kNHWC;
    const bool planar = card.layout == Layout::kNCHW;
    card.height = size_or_default(shape[planar ? 2 : 1]);
    card.width = size_or_default(shape[planar ? 3 : 2]);
    card.color = shape[planar ? 1 : 3] == 1 ? ColorOrder::kGray : ColorOrder::kRGB;
    if (card.color == ColorOrder::kRGB) assume("input.color", "RGB; the file does not tell it from BGR");
    card.dtype = picture->dtype == DType::kU8 ? DType::kU8 : DType::kF32;
    if (card.dtype != picture->dtype) assume("input.dtype", fmt::format("f32 is converted to {}", name_of(picture->dtype)));
    return {};
  }

  void fill_pipeline() {
    ModelCard& card = draft.card;
    // 256 for 224, as most networks were trained to be evaluated.
    const int short_side = static_cast<int>(std::lround(std::min(card.width, card.height) * 256.0 / 224.0));
    std::vector<Operator>& operators = draft.card.pipeline.operators;
    operators.emplace_back(OrientOp{});
    if (card.width == card.height) {
      operators.emplace_back(ResizeOp{.width = short_side});
      operators.emplace_back(CenterCropOp{card.width, card.height});
      assume("preprocess",
             fmt::format("bilinear resize of the short side to {}, centre crop {}x{}", short_side, card.width, card.height));
    } else {
      operators.emplace_back(ResizeOp{.mode = ResizeOp::Mode::kExact, .width = card.width, .height = card.height});
      assume("preprocess", fmt::format("bilinear resize to {}x{} without keeping the aspect", card.width, card.height));
    }
    operators.emplace_back(ColorOp{card.color});
    if (card.dtype == DType::kF32) {
      operators.emplace_back(ConvertOp{DType::kF32});
      operators.emplace_back(NormalizeOp{{123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F}});
      assume("preprocess.mean, scale", "ImageNet's, as in torchvision");
    }
    operators.emplace_back(LayoutOp{card.layout});
  }

  void fill_output(const std::vector<TensorSpec>& outputs) {
    ModelCard& card = draft.card;
    if (outputs.empty()) return;
    const TensorSpec& output = outputs.front();
    if (outputs.size() > 1) assume("output.name", fmt::format("the first of {} outputs", outputs.size()));
    card.output_name = output.name;
    std::int64_t values = 1;
    bool is_vector = output.shape.size() >= 2;
    for (std::size_t i = 1; i < output.shape.size(); ++i) {
      is_vector = is_vector && output.shape[i] > 0 && (i == 1 || output.shape[i] == 1 || values == 1);
      values *= output.shape[i];
    }
    const bool power_of_two = values >= 64 && (values & (values - 1)) == 0;
    if (!is_vector || values < 2) {
      card.task = Task::kRaw;
    } else {
      card.task = power_of_two ? Task::kEmbedding : Task::kClassification;
    }
    assume("task", fmt::format("{}, from the output's shape {}", name_of(card.task), to_string(output.shape)));
    if (card.task == Task::kClassification) fill_classes(output, values);
  }

 private:
  static bool is_channels(std::int64_t dimension) { return dimension == 1 || dimension == 3; }
  static std::string describe_all(const std::vector<TensorSpec>& specs) {
    std::string text;
    for (const TensorSpec& spec : specs) text += (text.empty() ? "" : ", ") + spec.name + " " + to_string(spec.shape);
    return text;
  }

  void fill_classes(const TensorSpec& output, std::int64_t values) {
    ModelCard& card = draft.card;
    card.num_classes = static_cast<int>(values);
    if (values == 1001) {
      card.label_offset = 1;
      assume("output.label_offset", "1: of 1001 classes the first is background");
    }
    if (output.dtype == DType::kU8) {
      card.output_scale = 1.0F / 256.0F;
      assume("output.scale", "1/256 and no activation: quantised probabilities");
    } else {
      card.activation = Activation::kSoftmax;
      assume("output.activation", "softmax: the model ends in logits");
    }
  }

  int size_or_default(std::int64_t dimension) {
    if (dimension > 0) return static_cast<int>(dimension);
    assume("input.width, height", "224: the file leaves the size open");
    return 224;
  }

  void assume(const std::string& key, const std::string& what) { draft.assumptions.push_back(key + ": " + what); }
};

}  // namespace

Result<DraftCard> draft_model_card(const std::string& model_path, const std::vector<TensorSpec>& inputs,
                                   const std::vector<TensorSpec>& outputs) {
  CardDrafter drafter;
  ModelCard& card = drafter.draft.card;
  card.name = std::filesystem::path(model_path).stem().string();
  card.path = model_path;
  card.backend = extension_of(model_path) == ".refmodel" ? "reference" : "openvino";
  SMOL_ASSIGN_OR_RETURN(card.digest, digest_of_model(model_path));
  SMOL_RETURN_IF_ERROR(drafter.fill_input(inputs));
  drafter.fill_pipeline();
  drafter.fill_output(outputs);
  return std::move(drafter.draft);
}

}  // namespace smol
