// Several regions of one picture: the answers of each region alone, from as little decoding as pays.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <new>

#include "engine/decode_groups.h"
#include "unit/engine/engine_fixture.h"

namespace smol {
namespace {

/// What decoders were asked for.
struct Requests {
  std::mutex mutex;
  std::vector<DecodeRequest> all;
};

class RecordingDecoder final : public Decoder {
 public:
  RecordingDecoder(std::unique_ptr<Decoder> decoder, Requests& requests)
      : decoder_(std::move(decoder)), requests_(requests) {}
  Result<ImageHeader> probe(ByteView bytes) override { return decoder_->probe(bytes); }
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override {
    {
      const std::scoped_lock lock(requests_.mutex);
      requests_.all.push_back(request);
    }
    return decoder_->decode(bytes, request, consumer);
  }

 private:
  std::unique_ptr<Decoder> decoder_;
  Requests& requests_;
};

/// A codec of the library whose decoders are listened to.
class RecordingCodec final : public Codec {
 public:
  RecordingCodec(const Codec& codec, Requests& requests) : codec_(codec), requests_(requests) {}
  [[nodiscard]] std::string_view name() const override { return codec_.name(); }
  [[nodiscard]] std::string_view description() const override { return codec_.description(); }
  [[nodiscard]] bool sniff(ByteView bytes) const override { return codec_.sniff(bytes); }
  [[nodiscard]] const CodecCapabilities& capabilities() const override { return codec_.capabilities(); }
  [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override {
    return std::make_unique<RecordingDecoder>(codec_.create_decoder(), requests_);
  }

 private:
  const Codec& codec_;
  Requests& requests_;
};

class RegionsTest : public ::testing::Test, public EngineFixture {
 protected:
  RegionsTest() {
    runtime.codecs = CodecRegistry();
    runtime.codecs.add(std::make_unique<RecordingCodec>(*built_in_.find("jpeg"), requests_)).value();
    plan_.pipeline.decode = {1, true, true, PixelFormat::kRgbx8};
  }

  static Item make_item(const std::vector<Rect>& regions) {
    Item item;
    item.id = "picture";
    item.bytes = make_jpeg(4, 800, 600);
    for (const Rect& rect : regions) item.regions.push_back({std::to_string(item.regions.size()), rect});
    return item;
  }

  std::map<std::string, std::vector<float>> scores_of(std::vector<Item> items, RunReport* report = nullptr,
                                                      const RunOptions& options = {}) {
    requests_.all.clear();
    CompiledPlan plan = compile_plan(plan_);
    MemorySink sink;
    const RunReport done = execute(runtime, {&plan, 1}, *from_items(std::move(items)), sink, options).value();
    if (report != nullptr) *report = done;
    std::map<std::string, std::vector<float>> scores;
    for (const Row& row : sink.rows()) scores[row.region] = row.error ? std::vector<float>{} : row.prediction.top_scores;
    return scores;
  }

  /// Every region as an item of its own.
  std::map<std::string, std::vector<float>> scores_alone(const Item& item) {
    std::vector<Item> items;
    for (const Region& region : item.regions) {
      items.push_back(item);
      items.back().regions = {region};
    }
    return scores_of(items);
  }

  CodecRegistry built_in_ = built_in_codecs();
  Requests requests_;
  Plan plan_ = make_plan("net");
};

TEST_F(RegionsTest, RegionsThatLieTogetherShareADecodingOfTheirUnion) {
  const Item item = make_item({{40, 30, 120, 90}, {100, 60, 100, 100}, {60, 80, 90, 50}});
  const auto expected = scores_alone(item);
  RunReport report;
  EXPECT_EQ(scores_of({item}, &report), expected);
  EXPECT_EQ(report.decodes, 1);
  ASSERT_EQ(requests_.all.size(), 1U);
  const Rect region = requests_.all.front().region.value();
  EXPECT_LE(region.x, 40);
  EXPECT_LE(region.y, 30);
  EXPECT_GE(region.x + region.width, 200);
  EXPECT_GE(region.y + region.height, 160);
  EXPECT_LE(region.width * region.height, 180 * 150);
}

TEST_F(RegionsTest, SmallRegionsFarApartAreDecodedAlone) {
  const Item item = make_item({{4, 4, 24, 24}, {760, 560, 30, 30}});
  const auto expected = scores_alone(item);
  RunReport report;
  EXPECT_EQ(scores_of({item}, &report), expected);
  EXPECT_EQ(report.decodes, 2);
  for (const DecodeRequest& request : requests_.all) EXPECT_LT(request.region.value().width, 60);
}

TEST_F(RegionsTest, AnswersAreThoseOfEachRegionAloneHoweverPicturesAreDecoded) {
  Item item = make_item({{0, 0, 700, 500}, {100, 60, 30, 30}, {120, 90, 200, 200}, {0, 300, 800, 300}, {5, 7, 80, 70}});
  for (const int scale : {1, 4}) {
    for (const PixelFormat format : {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kYcc8Planar}) {
      for (const bool pushes : {true, false}) {
        plan_.pipeline.decode = {scale, pushes, pushes, format};
        plan_.pipeline.label = FidelityLabel::kLossy;
        const auto expected = scores_alone(item);
        RunReport report;
        EXPECT_EQ(scores_of({item}, &report), expected) << scale << ", " << name_of(format) << ", " << pushes;
        EXPECT_LT(report.decodes, 5);
      }
    }
  }
}

TEST_F(RegionsTest, DamageCostsOnlyTheRegionsItReaches) {
  Item item = make_item({{40, 30, 120, 90}, {100, 60, 100, 100}, {40, 400, 100, 100}});
  auto half = std::make_shared<std::vector<std::uint8_t>>(*item.bytes);
  half->resize(half->size() / 2);
  item.bytes = half;
  const auto expected = scores_alone(item);
  const auto scores = scores_of({item});
  EXPECT_EQ(scores, expected);
  EXPECT_FALSE(scores.at("0").empty());
  EXPECT_TRUE(scores.at("2").empty());
}

TEST_F(RegionsTest, ARegionOutsideThePictureFailsAlone) {
  const auto scores = scores_of({make_item({{40, 30, 120, 90}, {4000, 60, 100, 100}, {60, 40, 80, 80}})});
  EXPECT_FALSE(scores.at("0").empty());
  EXPECT_TRUE(scores.at("1").empty());
  EXPECT_FALSE(scores.at("2").empty());
}

/// Keeps rows; finds no memory when it is asked for the n-th time.
class ExhaustedSink final : public Sink {
 public:
  explicit ExhaustedSink(int fails_at) : fails_at_(fails_at) {}
  Status write(std::span<const Row> rows) override {
    rows_.insert(rows_.end(), rows.begin(), rows.end());
    return {};
  }
  Status finish(bool /*complete*/) override { return {}; }
  [[nodiscard]] bool has(std::string_view /*item*/, std::string_view /*region*/, std::string_view /*fingerprint*/,
                         int /*plan*/) const override {
    if (++asked_ == fails_at_) throw std::bad_alloc();
    return false;
  }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }

 private:
  const int fails_at_;
  mutable std::atomic<int> asked_{0};
  std::vector<Row> rows_;
};

TEST_F(RegionsTest, AnItemThatRunsOutOfMemoryOnTheWayHasOneRowARegion) {
  Item item = make_item({{4, 4, 24, 24}, {760, 560, 30, 30}, {4, 560, 20, 20}});
  auto picture = std::make_shared<Image>();
  DecodeRequest request;
  request.format = PixelFormat::kRgb8;
  decode_to_image(*built_in_.find("jpeg")->create_decoder(), *item.bytes, request, *picture).value();
  item.bytes.reset();
  item.picture = picture;
  for (const int done : {0, 1, 2}) {
    // Each region is asked for before the item is begun, and again when its turn has come.
    ExhaustedSink sink(3 + done + 1);
    CompiledPlan plan = compile_plan(plan_);
    ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_items({item}), sink).ok());
    std::map<std::string, int> rows;
    int failures = 0;
    for (const Row& row : sink.rows()) {
      ++rows[row.region];
      failures += row.error && row.error->code == ErrorCode::kOutOfMemory ? 1 : 0;
    }
    EXPECT_EQ(rows, (std::map<std::string, int>{{"0", 1}, {"1", 1}, {"2", 1}})) << done;
    EXPECT_EQ(failures, 3 - done);
  }
}

TEST_F(RegionsTest, RowsMadeWithOtherVersionsAreDoneAgain) {
  class OtherVersion final : public Codec {
   public:
    explicit OtherVersion(const Codec& codec) : codec_(codec) {}
    [[nodiscard]] std::string_view name() const override { return codec_.name(); }
    [[nodiscard]] std::string_view description() const override { return "another version"; }
    [[nodiscard]] bool sniff(ByteView bytes) const override { return codec_.sniff(bytes); }
    [[nodiscard]] const CodecCapabilities& capabilities() const override { return codec_.capabilities(); }
    [[nodiscard]] std::unique_ptr<Decoder> create_decoder() const override { return codec_.create_decoder(); }

   private:
    const Codec& codec_;
  };
  const auto run = [&] {
    CompiledPlan plan = compile_plan(plan_);
    ParquetOptions options;
    options.resume = true;
    const std::unique_ptr<Sink> sink = create_parquet_sink(folder.path("out"), {&plan, 1}, options).value();
    return execute(runtime, {&plan, 1}, *from_items({make_item({{4, 4, 24, 24}})}), *sink).value();
  };
  EXPECT_EQ(run().rows, 1);
  EXPECT_EQ(run().skipped, 1);
  runtime.codecs = CodecRegistry();
  runtime.codecs.add(std::make_unique<OtherVersion>(*built_in_.find("jpeg"))).value();
  EXPECT_EQ(run().rows, 1);
  EXPECT_EQ(run().skipped, 1);
}

TEST_F(RegionsTest, ASurveyTellsWhatARunWillDo) {
  const std::vector<Item> items{make_item({{40, 30, 120, 90}, {100, 60, 100, 100}}),
                                make_item({{4, 4, 24, 24}, {760, 560, 30, 30}}), make_item({{1, 2, 30, 40}})};
  const RegionSurvey survey = survey_regions(runtime, {&plan_, 1}, items).value();
  EXPECT_EQ(survey.shared, 1);
  EXPECT_EQ(survey.separate, 1);
  EXPECT_LT(survey.cost, survey.separate_cost);
}

}  // namespace
}  // namespace smol
