#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/digest.h"
#include "smol/model.h"
#include "temporary_folder.h"

namespace smol {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kCard = R"(format: 1
name: lite0
file: net.onnx
task: classification
backend: openvino
input: {name: images, layout: NCHW, dtype: f32, width: 224, height: 224, color: RGB}
preprocess:
  resize: {short_side: 256, filter: bilinear}
  crop: {width: 224, height: 224}
  mean: [127, 126, 125]
  scale: 128
output: {name: logits, activation: softmax, classes: 3, label_offset: 1, top_k: 2}
labels: labels.txt
licence: Apache-2.0
)";

class Cards : public ::testing::Test {
 protected:
  Cards() {
    folder_.write("net.onnx", "weights");
    folder_.write("labels.txt", "cat\r\ndog\n\n");
  }
  Result<ModelCard> parse(const std::string& yaml) { return parse_model_card(yaml, folder_.path()); }
  /// The card with `from` replaced.
  static std::string card_with(const std::string& from, const std::string& to) {
    std::string yaml = kCard;
    EXPECT_NE(yaml.find(from), std::string::npos);
    return yaml.replace(yaml.find(from), from.size(), to);
  }
  void expect_refused(const std::string& yaml, const std::vector<std::string>& words,
                      ErrorCode code = ErrorCode::kInvalidArgument) {
    const auto card = parse(yaml);
    ASSERT_FALSE(card.ok()) << yaml;
    EXPECT_EQ(card.error().code, code) << card.error().message;
    for (const std::string& word : words) EXPECT_THAT(card.error().message, HasSubstr(word));
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Cards, ReadsEveryField) {
  const auto card = load_model_card(folder_.write("card.yaml", kCard));
  ASSERT_TRUE(card.ok()) << card.error().message;
  EXPECT_EQ(card->name, "lite0");
  EXPECT_EQ(card->path, folder_.path("net.onnx"));
  EXPECT_EQ(card->card_path, folder_.path("card.yaml"));
  EXPECT_EQ(card->task, Task::kClassification);
  EXPECT_EQ(card->input_name, "images");
  EXPECT_EQ(card->output_name, "logits");
  EXPECT_EQ(card->activation, Activation::kSoftmax);
  EXPECT_EQ(card->num_classes, 3);
  EXPECT_EQ(card->label_offset, 1);
  EXPECT_EQ(card->top_k, 2);
  EXPECT_THAT(card->labels, ElementsAre("cat", "dog"));
  EXPECT_EQ(card->licence, "Apache-2.0");
  EXPECT_EQ(card->digest, digest_of("weights"));
  const LogicalPipeline expected{{OrientOp{}, ResizeOp{ResizeOp::Mode::kShortSide, 256, 0, Filter::kBilinear, true},
                                  CenterCropOp{224, 224}, ColorOp{ColorOrder::kRGB}, ConvertOp{DType::kF32},
                                  NormalizeOp{{127, 126, 125}, {128, 128, 128}}, LayoutOp{Layout::kNCHW}}};
  EXPECT_EQ(card->pipeline, expected);
}

TEST_F(Cards, QuantisedModelsTakeBytes) {
  const auto card = parse(R"({format: 1, file: net.onnx, task: classification,
    input: {layout: NHWC, dtype: u8, width: 160, height: 128, color: BGR},
    preprocess: {resize: {width: 160, height: 128, filter: bicubic, antialias: false}},
    output: {classes: 1001, label_offset: 1, scale: 0.00390625, zero_point: 3}})");
  ASSERT_TRUE(card.ok()) << card.error().message;
  EXPECT_EQ(card->name, "net");
  EXPECT_EQ(card->output_scale, 0.00390625F);
  EXPECT_EQ(card->output_zero_point, 3);
  const LogicalPipeline expected{{OrientOp{}, ResizeOp{ResizeOp::Mode::kExact, 160, 128, Filter::kBicubic, false},
                                  ColorOp{ColorOrder::kBGR}, LayoutOp{Layout::kNHWC}}};
  EXPECT_EQ(card->pipeline, expected);
}

class Negative final : public UserOperator {
 public:
  std::string_view name() const override { return "negative"; }
  Result<Size> output_size(Size input) const override { return input; }
  Status apply(const ImageView&, ImageView&) const override { return {}; }
};

TEST_F(Cards, OperatorListsKeepTheirOrder) {
  const std::string yaml = R"({format: 1, file: net.onnx, task: raw,
    input: {layout: NCHW, dtype: f32, width: 64, height: 64},
    preprocess: {operators: [{crop: {x: 1, y: 2, width: 300, height: 200}}, {user: negative}, {resize: {fit: [64, 64]}},
                 {pad: {width: 64, height: 64, value: [1, 2, 3], centered: false}}, {normalize: {scale: 255}}]}})";
  const auto negative = std::make_shared<Negative>();
  const auto card = parse_model_card(yaml, folder_.path(), {negative});
  ASSERT_TRUE(card.ok()) << card.error().message;
  const LogicalPipeline expected{{OrientOp{}, CropOp{{1, 2, 300, 200}}, UserOp{negative},
                                  ResizeOp{ResizeOp::Mode::kFit, 64, 64}, PadOp{64, 64, {1, 2, 3}, false},
                                  ConvertOp{DType::kF32}, NormalizeOp{{0, 0, 0}, {255, 255, 255}}, ColorOp{ColorOrder::kRGB},
                                  LayoutOp{Layout::kNCHW}}};
  EXPECT_EQ(card->pipeline, expected);
  const auto again = parse_model_card(to_yaml(*card), folder_.path(), {negative});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->pipeline, expected);
  expect_refused(yaml, {"user operator", "negative"}, ErrorCode::kNotFound);
}

TEST_F(Cards, WrittenCardsReadBack) {
  for (const std::string& yaml : {std::string(kCard), card_with("short_side: 256", "long_side: 224"),
                                  card_with("  crop:", "  pad:"), card_with("labels: labels.txt", "labels: [a, b]"),
                                  card_with("filter: bilinear", "filter: lanczos, antialias: false"),
                                  card_with("licence: Apache-2.0", "max_batch: 4")}) {
    auto card = load_model_card(folder_.write("card.yaml", yaml));
    // A pad that follows a larger picture is for the run to refuse; the card itself is well formed either way.
    if (!card.ok()) continue;
    const std::string written = to_yaml(*card);
    auto again = load_model_card(folder_.write("card.yaml", written));
    ASSERT_TRUE(again.ok()) << again.error().message << "\n" << written;
    EXPECT_EQ(to_yaml(*again), written);
    EXPECT_EQ(again->pipeline, card->pipeline);
    EXPECT_EQ(again->labels, card->labels);
    EXPECT_EQ(again->path, card->path);
    EXPECT_EQ(again->max_batch, card->max_batch);
  }
  const auto card = load_model_card(folder_.write("card.yaml", kCard));
  EXPECT_THAT(to_yaml(*card),
              AllOf(HasSubstr("file: net.onnx"), HasSubstr("short_side: 256"), HasSubstr("labels: labels.txt")));
}

TEST_F(Cards, UnknownKeysNameTheLineAndWhatIsAllowed) {
  expect_refused(card_with("licence:", "license:"), {"line 14", "'license'", "licence"});
  expect_refused(card_with("width: 224, height: 224, color", "widht: 224, height: 224, color"), {"line 6", "width"});
  expect_refused(card_with("filter: bilinear", "kernel: bilinear"), {"line 8", "'kernel'", "filter"});
  expect_refused(card_with("  crop:", "  corp:"), {"line 9", "'corp'", "crop"});
}

TEST_F(Cards, MistakesSayWhatIsAllowed) {
  expect_refused(card_with("format: 1", "format: 9"), {"format 1", "9"});
  expect_refused(card_with("format: 1\n", ""), {"format"});
  expect_refused(card_with("task: classification", "task: magic"), {"classification, detection", "magic"});
  expect_refused(card_with("task: classification\n", ""), {"task"});
  expect_refused(card_with("dtype: f32", "dtype: f16"), {"u8 or f32"});
  expect_refused(card_with("layout: NCHW", "layout: CHW"), {"NHWC, NCHW"});
  expect_refused(card_with("filter: bilinear", "filter: best"), {"bilinear"});
  expect_refused(card_with("short_side: 256", "short_side: 256, long_side: 9"), {"exactly one"});
  expect_refused(card_with("short_side: 256", "width: 9"), {"exactly one"});
  expect_refused(card_with("scale: 128", "scale: 0"), {"scale"});
  expect_refused(card_with("scale: 128", "scale: [1, 2]"), {"three"});
  expect_refused(card_with("crop: {width: 224, height: 224}", "crop: {width: 200, height: 224}"), {"200x224", "224x224"});
  expect_refused(card_with("classes: 3", "classes: many"), {"classes"});
  expect_refused(card_with("classes: 3", "classes: 9"), {"8 labels", "2"});
  expect_refused(card_with("top_k: 2", "top_k: 0"), {"top_k"});
  expect_refused(card_with("labels.txt", "missing.txt"), {"missing.txt"}, ErrorCode::kNotFound);
  expect_refused(card_with("net.onnx", "missing.onnx"), {"missing.onnx"}, ErrorCode::kNotFound);
  expect_refused("[1, 2]", {"mapping"});
  expect_refused("a: [", {"YAML"});
  expect_refused("", {"mapping"});
  EXPECT_EQ(load_model_card(folder_.path("none.yaml")).error().code, ErrorCode::kNotFound);
}

TEST_F(Cards, DevicesThatComeAlongAreNamed) {
  const std::string yaml = card_with("backend: openvino", "backend: simulated\nbackend_config: nvidia_t4");
  const auto card = load_model_card(folder_.write("card.yaml", yaml));
  ASSERT_TRUE(card.ok()) << card.error().message;
  std::ifstream file(card->backend_config);
  EXPECT_TRUE(file.good()) << card->backend_config;
  EXPECT_EQ(card->backend_config_digest, digest_of_file(card->backend_config).value());
  EXPECT_THAT(to_yaml(*card), HasSubstr("\nbackend_config: nvidia_t4\n"));
  // A file beside the card comes first; a word that is neither is a file that is not there.
  const std::string own = folder_.write("nvidia_t4", "format: 1");
  EXPECT_EQ(parse(yaml)->backend_config, own);
  EXPECT_EQ(parse(card_with("backend: openvino", "backend_config: nvidia_t5"))->backend_config, folder_.path("nvidia_t5"));
}

TEST_F(Cards, ADigestIsChecked) {
  EXPECT_TRUE(parse(std::string(kCard) + "digest: " + digest_of("weights") + "\n").ok());
  expect_refused(std::string(kCard) + "digest: xxh3:0123456789abcdef\n", {"xxh3:0123456789abcdef", digest_of("weights")});
}

/// Every truncation and many single-byte changes: an error or a card, never a crash.
TEST_F(Cards, DamagedTextIsSafe) {
  const std::string yaml = kCard;
  for (std::size_t length = 0; length < yaml.size(); ++length) (void)parse(yaml.substr(0, length));
  for (std::size_t i = 0; i < yaml.size(); ++i) {
    for (const char c : {'{', ']', ':', '&', '*', '\t', '-', '\xff'}) {
      std::string damaged = yaml;
      damaged[i] = c;
      (void)parse(damaged);
    }
  }
}

/// The schema for editors names the same keys as the parser.
TEST_F(Cards, SchemaAllowsWhatTheParserAllows) {
  std::ifstream file(SMOL_TESTS_DIR "/../docs/model-card.schema.json");
  const nlohmann::json schema = nlohmann::json::parse(file);
  const auto expect_keys_in_message = [](const nlohmann::json& object, const std::string& message) {
    for (const auto& [key, value] : object["properties"].items()) EXPECT_THAT(message, HasSubstr(key));
    EXPECT_EQ(object["additionalProperties"], false);
  };
  expect_keys_in_message(schema, parse(std::string(kCard) + "zzz: 1\n").error().message);
  expect_keys_in_message(schema["properties"]["input"], parse(card_with("color: RGB}", "zzz: 1}")).error().message);
  expect_keys_in_message(schema["properties"]["output"], parse(card_with("top_k: 2}", "zzz: 1}")).error().message);
  expect_keys_in_message(schema["$defs"]["resize"], parse(card_with("bilinear}", "bilinear, zzz: 1}")).error().message);
}

}  // namespace
}  // namespace smol
