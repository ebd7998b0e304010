/// Embedded thumbnails in place of pictures: the same tensor as from the thumbnail as a file of its own, or, where it cannot
/// stand in, as from the picture.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "smol/preprocess.h"
#include "unit/codec/jpeg_fixture.h"

namespace smol::test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using smol::testing::encode_jpeg;
using smol::testing::with_thumbnail;
using ::testing::HasSubstr;

constexpr const char* kSteps =
    "fused 22: orient() | resize(short_side=120, filter=bilinear) | center_crop(100x100) | convert(f32)\nlabel lossy\n";

PhysicalPipeline pipeline(const std::string& decode, const std::string& steps = kSteps) {
  return parse_physical_pipeline("decode(" + decode + ")\n" + steps).value();
}

struct Outcome {
  Bytes tensor;
  DecodeReport report;
};

class ThumbnailTest : public ::testing::Test {
 protected:
  Outcome run(const Bytes& bytes, const PhysicalPipeline& pipeline, const PreprocessOptions& options = {}) {
    const auto preprocessor = create_preprocessor(pipeline).value();
    Outcome outcome;
    TensorSlot slot = slot_for(*preprocessor, outcome.tensor);
    outcome.report = preprocessor->run(*decoder_, bytes, decoder_->probe(bytes).value(), options, slot).value();
    return outcome;
  }
  static TensorSlot slot_for(const Preprocessor& preprocessor, Bytes& memory) {
    const OutputSpec& output = preprocessor.output();
    TensorSlot slot{nullptr, output.dtype, output.layout, output.color, output.width, output.height};
    memory.resize(slot.size_bytes());
    slot.data = memory.data();
    return slot;
  }
  /// The pipeline falls back to the whole picture, as it should.
  void expect_whole(const Bytes& bytes, const PreprocessOptions& options = {}) {
    const Outcome got = run(bytes, with_, options);
    EXPECT_FALSE(got.report.thumbnail);
    EXPECT_EQ(got.tensor, run(bytes, without_, options).tensor);
  }

  static constexpr const char* kDecode = "region=true, early_stop=true";
  const PhysicalPipeline with_ = pipeline(std::string(kDecode) + ", thumbnail=true"), without_ = pipeline(kDecode);
  const Bytes picture_ = encode_jpeg({.width = 480, .height = 360}),
              thumbnail_ = encode_jpeg({.width = 160, .height = 120, .seed = 9});
  CodecRegistry codecs_ = built_in_codecs();
  std::unique_ptr<Decoder> decoder_ = codecs_.find("jpeg")->create_decoder();
};

TEST_F(ThumbnailTest, StandsInAsItIs) {
  for (const int orientation : {1, 3, 6}) {
    const Outcome got = run(with_thumbnail(picture_, thumbnail_, orientation), with_);
    EXPECT_TRUE(got.report.thumbnail);
    // The thumbnail as a file of its own, turned alike.
    const Outcome expected = run(with_thumbnail(thumbnail_, {}, orientation), without_);
    EXPECT_FALSE(expected.report.thumbnail);
    EXPECT_EQ(got.tensor, expected.tensor) << orientation;
  }
  EXPECT_FALSE(run(with_thumbnail(picture_, thumbnail_), without_).report.thumbnail) << "only where the plan says so";
}

TEST_F(ThumbnailTest, WithoutOneThePictureIsTaken) { expect_whole(picture_); }

TEST_F(ThumbnailTest, AnotherAspectRatioIsAnotherPicture) {
  for (const auto& [width, height, stands_in] :
       {std::tuple{160, 118, true}, {160, 122, true}, {160, 117, false}, {160, 123, false}, {120, 160, false}}) {
    const Bytes bytes = with_thumbnail(picture_, encode_jpeg({.width = width, .height = height}));
    EXPECT_EQ(run(bytes, with_).report.thumbnail, stands_in) << width << "x" << height;
    if (!stands_in) expect_whole(bytes);
  }
}

TEST_F(ThumbnailTest, HalfOfTheWantedSizeIsEnough) {
  // The resize makes 160 x 120.
  EXPECT_TRUE(run(with_thumbnail(picture_, encode_jpeg({.width = 80, .height = 60})), with_).report.thumbnail);
  for (const auto& [width, height] : {std::pair{79, 60}, {80, 59}}) {
    expect_whole(with_thumbnail(picture_, encode_jpeg({.width = width, .height = height})));
  }
}

TEST_F(ThumbnailTest, DamagedOnesDoNotCostThePicture) {
  for (const std::size_t kept : {thumbnail_.size() / 2, thumbnail_.size() * 4 / 5}) {
    const Bytes bytes = with_thumbnail(picture_, Bytes(thumbnail_.begin(), thumbnail_.begin() + kept));
    for (const FailOn fail_on : {FailOn::kNone, FailOn::kTruncated}) {
      PreprocessOptions options;
      options.fail_on = fail_on;
      expect_whole(bytes, options);
    }
  }
}

TEST_F(ThumbnailTest, RegionsOfInterestAreOfThePicture) {
  PreprocessOptions options;
  options.roi = Rect{100, 80, 200, 200};
  expect_whole(with_thumbnail(picture_, thumbnail_), options);
}

TEST_F(ThumbnailTest, PartsAreOfWhatWasNeeded) {
  const auto preprocessor = create_preprocessor(with_).value();
  for (const Bytes& bytes : {with_thumbnail(picture_, thumbnail_, 6), picture_}) {
    const ImageHeader header = decoder_->probe(bytes).value();
    const DecodeNeed need = preprocessor->need(header, {}).value();
    EXPECT_EQ(need.decode.thumbnail, header.thumbnail.width > 0);
    DecodedPart part;
    ASSERT_TRUE(decode_part(*decoder_, bytes, header, need, {}, part).ok());
    Bytes tensor;
    const TensorSlot slot = slot_for(*preprocessor, tensor);
    ASSERT_TRUE(preprocessor->run(part, {}, slot).ok());
    EXPECT_EQ(tensor, run(bytes, with_).tensor);
  }
}

TEST_F(ThumbnailTest, PipelinesOverOneDecodeAgreeOrShareThePicture) {
  const auto small = create_preprocessor(with_).value();
  const auto large =
      create_preprocessor(pipeline("thumbnail=true", "fused 22: resize(size=400x300, filter=bilinear)\nlabel lossy\n"))
          .value();
  const auto plain = create_preprocessor(without_).value();
  const Bytes bytes = with_thumbnail(picture_, thumbnail_);
  const ImageHeader header = decoder_->probe(bytes).value();
  Bytes tensors[2];
  // The thumbnail is large enough for the one, not for the other.
  std::array<Preprocessor*, 2> both{small.get(), large.get()};
  std::array<TensorSlot, 2> slots{slot_for(*small, tensors[0]), slot_for(*large, tensors[1])};
  const auto report = run_many(*decoder_, bytes, header, {}, both, slots);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_FALSE(report->thumbnail);
  EXPECT_EQ(tensors[0], run(bytes, without_).tensor);
  both[1] = plain.get();
  slots[1] = slot_for(*plain, tensors[1]);
  EXPECT_THAT(run_many(*decoder_, bytes, header, {}, both, slots).error().message, HasSubstr("must agree"));
  ASSERT_TRUE(run_many(*decoder_, picture_, decoder_->probe(picture_).value(), {}, both, slots).ok());
  EXPECT_EQ(tensors[0], tensors[1]);
}

TEST_F(ThumbnailTest, PlansSayAndCheckIt) {
  EXPECT_THAT(to_string(with_), HasSubstr("thumbnail=true)"));
  EXPECT_EQ(parse_physical_pipeline(to_string(with_)).value(), with_);
  EXPECT_EQ(to_string(without_).find("thumbnail"), std::string::npos);
  PhysicalPipeline exact = with_;
  exact.label = FidelityLabel::kWithin1Lsb;
  EXPECT_THAT(verify(exact).error().message, HasSubstr("promises too much"));
  for (const auto& [decode, steps] :
       {std::pair{"scale=1/2, thumbnail=true", kSteps},
        {"format=ycc8_planar, thumbnail=true", kSteps},
        {"thumbnail=true", "fused 22: crop(x=0, y=0, size=50x50) | resize(size=40x40)\nlabel lossy\n"},
        {"thumbnail=true", "fused 22: center_crop(50x50)\nlabel lossy\n"},
        {"thumbnail=true", "single resize(size=40x40)\nlabel lossy\n"}}) {
    EXPECT_THAT(verify(pipeline(decode, steps)).error().message, HasSubstr("thumbnails need")) << decode << steps;
  }
}

}  // namespace
}  // namespace smol::test
