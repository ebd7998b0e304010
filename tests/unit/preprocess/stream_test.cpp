// How a preprocessor drives its decoder: regions, early stop, scaling, regions of interest, several outputs, broken
// decoders.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fake_decoder.h"
#include "pillow_oracle.h"

namespace smol::test {
namespace {

using testing::HasSubstr;

constexpr const char* kStandard = "orient() | resize(short_side=64, filter=bilinear) | center_crop(56x56)";

struct Sample {
  explicit Sample(Size s, const std::string& chain, int channels = 3, Orientation orientation = Orientation::kNormal) {
    OracleCase c{s, channels, orientation, chain, random_pixels(s, channels, 5), {}, {}};
    std::vector<OracleCase> cases{c};
    EXPECT_TRUE(run_oracle(cases));
    size = s;
    pixels = cases[0].pixels;
    expected = cases[0].expected;
  }
  Size size;
  std::vector<std::uint8_t> pixels, expected;
};

PhysicalPipeline pushing_pipeline(const std::string& operators) {
  PhysicalPipeline pipeline = fused_pipeline(operators);
  pipeline.decode = {1, true, true, PixelFormat::kRgbx8};
  return pipeline;
}

TEST(StreamTest, EveryWayOfDeliveringRowsGivesTheSame) {
  for (const Orientation orientation : {Orientation::kNormal, Orientation::kRotate180, Orientation::kRotate90}) {
    const Sample sample({203, 157}, kStandard, 3, orientation);
    for (const int rows_per_call : {1, 2, 7, 16, 1000}) {
      for (const bool delivers_region : {true, false}) {
        for (const PixelFormat format : {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8}) {
          FakeDecoder decoder(sample.size, 3, sample.pixels,
                              {rows_per_call, delivers_region, rows_per_call % 3, 1 << 30, format});
          const auto preprocessor = create_preprocessor(pushing_pipeline(kStandard)).value();
          Tensor tensor(preprocessor->output());
          ImageHeader header = decoder.header();
          header.orientation = orientation;
          const auto report = preprocessor->run(decoder, {}, header, {}, tensor.slot);
          ASSERT_TRUE(report) << report.error().to_string();
          EXPECT_EQ(difference(tensor.bytes, sample.expected), "")
              << rows_per_call << " rows a call, " << name_of(format) << ", orientation " << static_cast<int>(orientation);
        }
      }
    }
  }
}

TEST(StreamTest, GraySourcesStayGrayUntilTheyAreWritten) {
  const Sample sample({203, 157}, kStandard, 1);
  FakeDecoder decoder(sample.size, 1, sample.pixels);
  const auto preprocessor = create_preprocessor(pushing_pipeline(kStandard)).value();
  Tensor tensor(preprocessor->output());
  ASSERT_TRUE(preprocessor->run(decoder, {}, decoder.header(), {}, tensor.slot));
  EXPECT_EQ(decoder.last_request().format, PixelFormat::kGray8);
  std::vector<std::uint8_t> expected;
  for (const std::uint8_t gray : sample.expected) expected.insert(expected.end(), 3, gray);
  EXPECT_EQ(difference(tensor.bytes, expected), "");
}

TEST(StreamTest, AsksOnlyForWhatTheFilterReaches) {
  const Sample sample({400, 300}, kStandard);
  FakeDecoder decoder(sample.size, 3, sample.pixels);
  const auto preprocessor = create_preprocessor(pushing_pipeline(kStandard)).value();
  Tensor tensor(preprocessor->output());
  ASSERT_TRUE(preprocessor->run(decoder, {}, decoder.header(), {}, tensor.slot));
  // 64 / 300: output column 14 begins at source 65.6, column 70 ends at 328; the filter reaches 4.7 further.
  const Rect region = decoder.last_request().region.value();
  EXPECT_GE(region.x, 63);
  EXPECT_LE(region.x + region.width, 334);
  EXPECT_GE(region.y, 13);
  EXPECT_LE(region.y + region.height, 287);
  EXPECT_EQ(decoder.rows_delivered(), region.height);
}

TEST(StreamTest, StopsEarlyOnlyWhenToldTo) {
  const Sample sample({400, 300}, kStandard);
  for (const bool early_stop : {true, false}) {
    FakeDecoder decoder(sample.size, 3, sample.pixels, {1, false, 0, 1 << 30, {}});
    PhysicalPipeline pipeline = fused_pipeline(kStandard);
    pipeline.decode.early_stop = early_stop;
    const auto preprocessor = create_preprocessor(pipeline).value();
    Tensor tensor(preprocessor->output());
    ASSERT_TRUE(preprocessor->run(decoder, {}, decoder.header(), {}, tensor.slot));
    EXPECT_FALSE(decoder.last_request().region.has_value());
    EXPECT_EQ(decoder.rows_delivered() < 290, early_stop);
    EXPECT_EQ(difference(tensor.bytes, sample.expected), "");
  }
}

TEST(StreamTest, DecoderScalingUsesTheFractionalSourceBox) {
  // A picture of 405x299 decoded at 1/4 has 102x75 pixels, of which 101.25x74.75 are picture. short_side=64 makes 86x64.
  const Sample sample({102, 75}, "box_resize(size=86x64, filter=bilinear, box=[0,0,101.25,74.75]) | center_crop(56x56)");
  FakeDecoder decoder(sample.size, 3, sample.pixels);
  PhysicalPipeline pipeline = pushing_pipeline(kStandard);
  pipeline.decode.scale_denominator = 4;
  pipeline.label = FidelityLabel::kLossy;
  const auto preprocessor = create_preprocessor(pipeline).value();
  Tensor tensor(preprocessor->output());
  ImageHeader header = decoder.header();
  header.width = 405;
  header.height = 299;
  ASSERT_TRUE(preprocessor->run(decoder, {}, header, {}, tensor.slot));
  EXPECT_EQ(decoder.last_request().scale_denominator, 4);
  EXPECT_EQ(difference(tensor.bytes, sample.expected), "");
}

TEST(StreamTest, RegionOfInterestReplacesThePicture) {
  const Sample sample(
      {203, 157}, "orient() | crop(x=10, y=30, size=100x120) | resize(short_side=64, filter=bilinear) | center_crop(56x56)",
      3, Orientation::kRotate90);
  PreprocessOptions options;
  options.roi = Rect{10, 30, 100, 120};
  for (const bool fused : {true, false}) {
    FakeDecoder decoder(sample.size, 3, sample.pixels);
    PhysicalPipeline pipeline = pushing_pipeline(kStandard);
    if (!fused) {
      pipeline.host_steps.clear();
      for (const Operator& op : parse_operators(kStandard)) pipeline.host_steps.emplace_back(SingleStep{op});
    }
    const auto preprocessor = create_preprocessor(pipeline).value();
    Tensor tensor(preprocessor->output());
    ImageHeader header = decoder.header();
    header.orientation = Orientation::kRotate90;
    const auto report = preprocessor->run(decoder, {}, header, options, tensor.slot);
    ASSERT_TRUE(report) << report.error().to_string();
    EXPECT_EQ(difference(tensor.bytes, sample.expected), "") << (fused ? "fused" : "single");
    const Rect region = decoder.last_request().region.value();
    EXPECT_LE(region.width, 121);
    EXPECT_LE(region.height, 101);
  }
}

TEST(StreamTest, RegionOfInterestIsMappedToSmallerRenditions) {
  const Sample sample({200, 150},
                      "crop(x=20, y=10, size=100x80) | resize(short_side=64, filter=bilinear) | center_crop(56x56)");
  FakeDecoder decoder(sample.size, 3, sample.pixels);
  const auto preprocessor = create_preprocessor(pushing_pipeline(kStandard)).value();
  Tensor tensor(preprocessor->output());
  PreprocessOptions options;
  options.roi = Rect{80, 40, 400, 320};
  options.full_size = Size{800, 600};
  ASSERT_TRUE(preprocessor->run(decoder, {}, decoder.header(), options, tensor.slot));
  EXPECT_EQ(difference(tensor.bytes, sample.expected), "");

  options.roi = Rect{800, 0, 10, 10};
  const auto outside = preprocessor->run(decoder, {}, decoder.header(), options, tensor.slot);
  ASSERT_FALSE(outside);
  EXPECT_EQ(outside.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(outside.error().message, HasSubstr("misses the picture of 800x600"));
}

TEST(StreamTest, OneDecodedPartFeedsSeveralRegions) {
  const auto pixels = random_pixels({203, 157}, 3, 5);
  const std::vector<Rect> regions{{20, 30, 60, 50}, {60, 40, 80, 90}, {20, 31, 13, 17}};
  for (const bool fused : {true, false}) {
    for (const Orientation orientation : {Orientation::kNormal, Orientation::kRotate90}) {
      PhysicalPipeline pipeline = pushing_pipeline(kStandard);
      if (!fused) {
        pipeline.host_steps.clear();
        for (const Operator& op : parse_operators(kStandard)) pipeline.host_steps.emplace_back(SingleStep{op});
      }
      const auto preprocessor = create_preprocessor(pipeline).value();
      FakeDecoder alone({203, 157}, 3, pixels), shared({203, 157}, 3, pixels, {7, true, 3, 1 << 30, {}});
      ImageHeader header = alone.header();
      header.orientation = orientation;
      PreprocessOptions options;
      DecodeNeed all;
      for (const Rect& region : regions) {
        options.roi = region;
        const DecodeNeed need = preprocessor->need(header, options).value();
        all.decode = need.decode;
        if (!all.pixels) all.pixels = need.pixels;
        const int right = std::max(all.pixels->x + all.pixels->width, need.pixels->x + need.pixels->width);
        const int bottom = std::max(all.pixels->y + all.pixels->height, need.pixels->y + need.pixels->height);
        all.pixels->x = std::min(all.pixels->x, need.pixels->x);
        all.pixels->y = std::min(all.pixels->y, need.pixels->y);
        all.pixels->width = right - all.pixels->x;
        all.pixels->height = bottom - all.pixels->y;
      }
      DecodedPart part;
      ASSERT_TRUE(decode_part(shared, {}, header, all, {}, part));
      EXPECT_EQ(shared.last_request().region, all.pixels);
      EXPECT_LT(shared.rows_delivered(), 140);
      for (const Rect& region : regions) {
        options.roi = region;
        Tensor expected(preprocessor->output()), tensor(preprocessor->output());
        ASSERT_TRUE(preprocessor->run(alone, {}, header, options, expected.slot));
        ASSERT_TRUE(preprocessor->run(part, options, tensor.slot));
        EXPECT_EQ(difference(tensor.bytes, expected.bytes), "") << (fused ? "fused, " : "single, ") << region.x;
      }
    }
  }
}

TEST(StreamTest, OneDecodeFeedsSeveralPipelines) {
  const std::vector<std::string> chains{kStandard, "resize(size=40x90, filter=bicubic)",
                                        "crop(x=150, y=100, size=40x50) | resize(size=33x33, filter=lanczos)"};
  FakeDecoder decoder({203, 157}, 3, Sample({203, 157}, kStandard).pixels);
  std::vector<std::unique_ptr<Preprocessor>> owners;
  std::vector<Preprocessor*> preprocessors;
  std::vector<Tensor> tensors;
  std::vector<TensorSlot> slots;
  for (const std::string& chain : chains) {
    owners.push_back(create_preprocessor(pushing_pipeline(chain)).value());
    preprocessors.push_back(owners.back().get());
    tensors.emplace_back(owners.back()->output());
  }
  const auto pixels = random_pixels({203, 157}, 3, 5);
  FakeDecoder source({203, 157}, 3, pixels);
  for (const Tensor& tensor : tensors) slots.push_back(tensor.slot);
  const auto report = run_many(source, {}, source.header(), {}, preprocessors, slots);
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(source.last_request().region, (Rect{0, 0, 203, 157}));
  for (std::size_t i = 0; i < chains.size(); ++i) {
    EXPECT_EQ(difference(tensors[i].bytes, Sample({203, 157}, chains[i]).expected), "") << chains[i];
  }

  PhysicalPipeline scaled = pushing_pipeline(kStandard);
  scaled.decode.scale_denominator = 2;
  scaled.label = FidelityLabel::kLossy;
  const auto other = create_preprocessor(scaled).value();
  preprocessors[1] = other.get();
  EXPECT_THAT(run_many(source, {}, source.header(), {}, preprocessors, slots).error().message, HasSubstr("must agree"));
  EXPECT_THAT(run_many(source, {}, source.header(), {}, preprocessors, {}).error().message, HasSubstr("a slot for each"));
}

TEST(StreamTest, DecodersThatBreakTheirContractAreReported) {
  const auto pixels = random_pixels({203, 157}, 3, 5);
  const auto preprocessor = create_preprocessor(pushing_pipeline(kStandard)).value();
  Tensor tensor(preprocessor->output());
  FakeDecoder silent({203, 157}, 3, pixels, {16, true, 0, 100, {}});
  const auto short_report = preprocessor->run(silent, {}, silent.header(), {}, tensor.slot);
  ASSERT_FALSE(short_report);
  EXPECT_EQ(short_report.error().code, ErrorCode::kInternal);
  EXPECT_THAT(short_report.error().message, HasSubstr("ended before all rows"));

  FakeDecoder narrow({203, 157}, 3, pixels, {16, true, -3, 1 << 30, {}});
  EXPECT_THAT(preprocessor->run(narrow, {}, narrow.header(), {}, tensor.slot).error().message, HasSubstr("left out pixels"));

  FakeDecoder good({203, 157}, 3, pixels);
  EXPECT_TRUE(preprocessor->run(good, {}, good.header(), {}, tensor.slot)) << "usable after errors";
  EXPECT_GT(preprocessor->last_timing().decode_us + preprocessor->last_timing().preprocess_us, 0.0);
}

TEST(StreamTest, WrongSlotsAndPicturesAreRefusedWithTheirValues) {
  const auto pixels = random_pixels({50, 40}, 3, 5);
  FakeDecoder decoder({50, 40}, 3, pixels);
  const auto preprocessor = create_preprocessor(pushing_pipeline("resize(size=30x20, filter=box)")).value();
  Tensor tensor(preprocessor->output());
  for (const auto& change : std::vector<std::function<void(TensorSlot&)>>{
           [](TensorSlot& s) { s.width = 31; }, [](TensorSlot& s) { s.dtype = DType::kF32; },
           [](TensorSlot& s) { s.layout = Layout::kNCHW; }, [](TensorSlot& s) { s.color = ColorOrder::kBGR; },
           [](TensorSlot& s) { s.data = nullptr; }}) {
    TensorSlot slot = tensor.slot;
    change(slot);
    const auto report = preprocessor->run(decoder, {}, decoder.header(), {}, slot);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(report.error().message, HasSubstr("u8 NHWC RGB 30x20"));
  }
  const auto tile = create_preprocessor(pushing_pipeline("crop(x=30, y=0, size=30x30)")).value();
  Tensor tile_tensor(tile->output());
  EXPECT_THAT(tile->run(decoder, {}, decoder.header(), {}, tile_tensor.slot).error().message,
              HasSubstr("made and wanted: 20x30, 30x30"));
  const auto padded = create_preprocessor(pushing_pipeline("pad(45x45, value=[0,0,0], centered=true)")).value();
  Tensor padded_tensor(padded->output());
  EXPECT_THAT(padded->run(decoder, {}, decoder.header(), {}, padded_tensor.slot).error().message,
              HasSubstr("50x40 is larger than the padded size"));
  EXPECT_FALSE(padded->run(ImageView{}, Orientation::kNormal, {}, padded_tensor.slot));
}

TEST(StreamTest, ACancelledPictureIsNotProcessed) {
  const auto pixels = random_pixels({50, 40}, 3, 5);
  Image image(PixelFormat::kGray8, 50, 40);
  const auto preprocessor = create_preprocessor(pushing_pipeline("resize(size=30x20, filter=box)")).value();
  Tensor tensor(preprocessor->output());
  std::stop_source stop;
  stop.request_stop();
  PreprocessOptions options;
  options.stop = stop.get_token();
  EXPECT_EQ(preprocessor->run(image.view(), Orientation::kNormal, options, tensor.slot).error().code, ErrorCode::kCancelled);
  FakeDecoder decoder({50, 40}, 3, pixels);
  ASSERT_TRUE(preprocessor->run(decoder, {}, decoder.header(), options, tensor.slot));
  EXPECT_TRUE(decoder.last_request().stop.stop_requested()) << "the decoder checks it between rows";
}

}  // namespace
}  // namespace smol::test
