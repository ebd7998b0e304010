#include <fmt/format.h>

#include <algorithm>
#include <cctype>
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
    if (outputs.empty()) return;
    ModelCard& card = draft.card;
    const TensorSpec& output = outputs[choose_output(outputs)];
    card.output_name = output.name;
    card.task = outputs.size() == 1 || says_probabilities(output) ? task_of(output) : Task::kRaw;
    if (outputs.size() > 1)
      assume("output.name", fmt::format("one of {} outputs: {}", outputs.size(), describe_all(outputs)));
    assume("task", fmt::format("{}, from the output {} {}", name_of(card.task), output.name, to_string(output.shape)));
    if (card.task == Task::kClassification) fill_classes(output);
  }

 private:
  static bool is_channels(std::int64_t dimension) { return dimension == 1 || dimension == 3; }
  static std::string describe_all(const std::vector<TensorSpec>& specs) {
    std::string text;
    for (const TensorSpec& spec : specs) text += (text.empty() ? "" : ", ") + spec.name + " " + to_string(spec.shape);
    return text;
  }

  static bool name_has(const TensorSpec& output, std::initializer_list<std::string_view> words) {
    std::string name = output.name;
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    return std::any_of(words.begin(), words.end(), [&](std::string_view w) { return name.find(w) != std::string::npos; });
  }
  /// A softmax at the end, as far as its name tells.
  static bool says_probabilities(const TensorSpec& output) {
    return num_values(output) >= 2 && name_has(output, {"softmax", "prob"});
  }
  /// The length of an output [N, C], also as [N, C, 1, 1] or [N, 1, 1, C]; 0 for all others.
  static std::int64_t num_values(const TensorSpec& output) {
    const Shape& shape = output.shape;
    if (shape.size() == 2) return std::max<std::int64_t>(shape[1], 0);
    if (shape.size() != 4 || shape[2] != 1 || (shape[1] != 1 && shape[3] != 1)) return 0;
    return std::max<std::int64_t>({shape[1], shape[3], 0});
  }

  /// Of several, the only one that says to be probabilities; else the first.
  static std::size_t choose_output(const std::vector<TensorSpec>& outputs) {
    if (std::count_if(outputs.begin(), outputs.end(), says_probabilities) != 1) return 0;
    return std::find_if(outputs.begin(), outputs.end(), says_probabilities) - outputs.begin();
  }

  static Task task_of(const TensorSpec& output) {
    const std::int64_t values = num_values(output);
    if (output.shape.size() == 2 && name_has(output, {"embed", "feature"})) return Task::kEmbedding;
    if (values < 2 || output.dtype == DType::kI32 || output.dtype == DType::kI64) return Task::kRaw;
    const bool is_power_of_two = values >= 64 && (values & (values - 1)) == 0;
    return is_power_of_two && !says_probabilities(output) ? Task::kEmbedding : Task::kClassification;
  }

  void fill_classes(const TensorSpec& output) {
    ModelCard& card = draft.card;
    card.num_classes = static_cast<int>(num_values(output));
    if (card.num_classes == 1001) {
      card.label_offset = 1;
      assume("output.label_offset", "1: of 1001 classes the first is background");
    }
    if (output.dtype == DType::kU8) {
      card.output_scale = 1.0F / 256.0F;
      assume("output.scale", "1/256 and no activation: quantised probabilities");
    } else if (says_probabilities(output)) {
      assume("output.activation", "none: the output's name says that they are probabilities");
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
