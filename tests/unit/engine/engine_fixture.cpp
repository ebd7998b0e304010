#include "unit/engine/engine_fixture.h"

#include "codec/encode.h"

namespace smol {

EngineFixture::EngineFixture() = default;

Plan EngineFixture::make_plan(const std::string& name, const std::string& extra) const {
  folder.write(
      name + ".refmodel",
      "format: 1\nkind: projection\ninput: {name: input, dtype: u8, layout: NHWC, width: 16, height: 16, channels: 3}\n"
      "classes: 10\nseed: 3\n" +
          extra);
  const std::string card_path = folder.write(
      name + ".yaml",
      "format: 1\nname: " + name + "\nfile: " + name +
          ".refmodel\nbackend: reference\ntask: classification\n"
          "input: {name: input, layout: NHWC, dtype: u8, width: 16, height: 16, color: RGB}\n"
          "preprocess: {resize: {width: 16, height: 16}}\noutput: {activation: none, classes: 10}\nlicence: Apache-2.0\n");
  Plan plan;
  plan.id = name;
  plan.model = card_path;
  plan.backend = "reference";
  plan.precision = Precision::kAsStored;
  plan.pipeline.decode.region = true;
  const ModelCard card = load_model_card(card_path).value();
  plan.pipeline.host_steps.emplace_back(FusedStep{card.pipeline.operators, 22});
  plan.shape.batch = 4;
  plan.shape.host_workers = 3;
  plan.shape.streams = 2;
  return plan;
}

CompiledPlan EngineFixture::compile_plan(const Plan& plan, const RunOptions& options) const {
  return compile(runtime, plan, options).value();
}

std::shared_ptr<const std::vector<std::uint8_t>> EngineFixture::make_jpeg(int seed, int width, int height) {
  Image image(PixelFormat::kRgb8, width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint8_t* pixel = image.view().row(y) + 3 * x;
      pixel[0] = static_cast<std::uint8_t>(x * 3 + seed * 37);
      pixel[1] = static_cast<std::uint8_t>(y * 5 + seed * 11);
      pixel[2] = static_cast<std::uint8_t>((x + y) * 2 + seed * 91);
    }
  }
  auto bytes = std::make_shared<std::vector<std::uint8_t>>();
  encode(image.view(), EncodeFormat{}, *bytes).value();
  return bytes;
}

std::vector<Item> EngineFixture::make_items(int count) {
  std::vector<Item> items(count);
  for (int i = 0; i < count; ++i) {
    items[i].id = std::to_string(i);
    items[i].bytes = make_jpeg(i);
  }
  return items;
}

}  // namespace smol
