#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "engine/measure.h"
#include "unit/engine/engine_fixture.h"

namespace smol {
namespace {

class ExecuteTest : public ::testing::Test, public EngineFixture {};

std::map<std::string, int> labels_of(const MemorySink& sink) {
  std::map<std::string, int> labels;
  for (const Row& row : sink.rows()) {
    EXPECT_TRUE(labels.emplace(row.item + "#" + row.region, row.error ? -1 : row.prediction.label).second) << row.item;
  }
  return labels;
}

TEST_F(ExecuteTest, RunsItemsFromMemoryGeneratorsAndPictures) {
  CompiledPlan plan = compile_plan(make_plan("net"));
  MemorySink from_bytes, from_pictures, from_calls;
  std::vector<Item> items = make_items(30);
  ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_items(items), from_bytes).ok());
  int next = 0;
  const auto generate = [&]() -> std::optional<Item> {
    return next < 30 ? std::optional<Item>(items[next++]) : std::nullopt;
  };
  ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_generator(generate), from_calls).ok());
  for (Item& item : items) {
    auto picture = std::make_shared<Image>();
    const std::unique_ptr<Decoder> decoder = runtime.codecs.find("jpeg")->create_decoder();
    DecodeRequest request;
    request.format = PixelFormat::kRgb8;
    decode_to_image(*decoder, *item.bytes, request, *picture).value();
    item.bytes.reset();
    item.picture = picture;
  }
  ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_items(items), from_pictures).ok());
  EXPECT_EQ(labels_of(from_bytes).size(), 30U);
  EXPECT_EQ(labels_of(from_bytes), labels_of(from_calls));
  EXPECT_EQ(labels_of(from_bytes), labels_of(from_pictures));
}

TEST_F(ExecuteTest, OrderIsKeptThoughItemsOvertakeEachOther) {
  CompiledPlan plan = compile_plan(make_plan("net"));
  std::vector<Item> items = make_items(200);
  for (int i = 0; i < 200; i += 7) items[i].bytes = make_jpeg(i, 900, 700);  // slow ones
  items[50].bytes = std::make_shared<std::vector<std::uint8_t>>(100, std::uint8_t{1});
  RunOptions options;
  options.ordered = true;
  MemorySink sink;
  ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_items(items), sink, options).ok());
  ASSERT_EQ(sink.rows().size(), 200U);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(sink.rows()[i].item, std::to_string(i));
}

/// Reads its first item when nobody takes further ones any more, or when there are none.
class HeldUpSource final : public Source {
 public:
  explicit HeldUpSource(int count) : count_(count), bytes_(EngineFixture::make_jpeg(1)) {}
  Result<std::optional<Item>> next() override {
    const int index = taken_.fetch_add(1);
    if (index >= count_) return std::optional<Item>{};
    Item item;
    item.id = std::to_string(index);
    return std::optional<Item>{item};
  }
  Status read_range(const Item& item, std::int64_t /*offset*/, std::int64_t /*length*/,
                    std::vector<std::uint8_t>& buffer) override {
    for (int seen = -1; item.id == "0" && taken_ < count_ && seen != taken_;) {
      seen = taken_;
      std::this_thread::sleep_for(std::chrono::milliseconds(400));
    }
    if (item.id == "0") taken_before_first_ = taken_.load();
    buffer.reserve(bytes_->size() + 64);
    buffer.assign(bytes_->begin(), bytes_->end());
    return {};
  }
  [[nodiscard]] int taken_before_first() const { return taken_before_first_; }

 private:
  const int count_;
  const std::shared_ptr<const std::vector<std::uint8_t>> bytes_;
  std::atomic<int> taken_{0}, taken_before_first_{0};
};

TEST_F(ExecuteTest, RowsThatWaitForAnEarlierOneAreBoundedInBytes) {
  RunOptions options;
  options.ordered = true;
  options.memory_bytes = 900'000;
  for (const int io_threads : {0, 2}) {
    Plan plan_text = make_plan("net");
    plan_text.shape.io_threads = io_threads;
    CompiledPlan plan = compile_plan(plan_text, options);
    MemorySink sink;
    HeldUpSource source(3000);
    const Result<RunReport> report = execute(runtime, {&plan, 1}, source, sink, options);
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_LT(source.taken_before_first(), 1000);
    EXPECT_LE(report->peak_memory_bytes, options.memory_bytes);
    ASSERT_EQ(sink.rows().size(), 3000U);
    for (int i = 0; i < 3000; ++i) EXPECT_EQ(sink.rows()[i].item, std::to_string(i));
  }
}

TEST_F(ExecuteTest, APartlyFilledBatchDoesNotWaitForAStalledSource) {
  CompiledPlan plan = compile_plan(make_plan("net"));
  const std::vector<Item> items = make_items(2);
  std::atomic<int> rows{0};
  class CountingSink final : public Sink {
   public:
    explicit CountingSink(std::atomic<int>& count) : count_(count) {}
    Status write(std::span<const Row> written) override {
      count_ += static_cast<int>(written.size());
      return {};
    }
    Status finish(bool) override { return {}; }

   private:
    std::atomic<int>& count_;
  } sink(rows);
  std::atomic<int> given{0};
  bool arrived = false;
  // The third call waits for the first two rows: without the deadline they would come after it.
  const auto generate = [&]() -> std::optional<Item> {
    if (given < 2) return items[given++];
    for (int i = 0; i < 2000 && rows < 2; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    arrived = rows == 2;
    return std::nullopt;
  };
  RunOptions options;
  options.max_batch_delay = std::chrono::milliseconds(20);
  ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_generator(generate), sink, options).ok());
  EXPECT_TRUE(arrived);
}

TEST_F(ExecuteTest, QueueDepthOneDoesNotDeadlock) {
  Plan first = make_plan("one"), second = make_plan("two");
  for (Plan* plan : {&first, &second}) {
    plan->shape.slots = 1;
    plan->shape.batch = 3;
    plan->shape.host_workers = 5;
  }
  std::vector<CompiledPlan> plans;
  plans.push_back(compile_plan(first));
  plans.push_back(compile_plan(second));
  MemorySink sink;
  std::vector<Item> items = make_items(100);
  for (int i = 0; i < 100; i += 3) items[i].bytes = std::make_shared<std::vector<std::uint8_t>>(50, std::uint8_t{7});
  const Result<RunReport> report = execute(runtime, plans, *from_items(items), sink);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(sink.rows().size(), 200U);
  EXPECT_EQ(report->error_rows, 68);
}

TEST_F(ExecuteTest, FailingSinksAndSourcesEndTheRun) {
  CompiledPlan plan = compile_plan(make_plan("net"));
  class FailingSink final : public Sink {
   public:
    Status write(std::span<const Row>) override { return Error{ErrorCode::kIo, "disk full"}; }
    Status finish(bool) override {
      ADD_FAILURE() << "finish() after a failed write";
      return {};
    }
  } failing;
  const Result<RunReport> report = execute(runtime, {&plan, 1}, *repeat_items(make_items(5), 100000), failing);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().message, "disk full");

  class FailingSource final : public Source {
   public:
    Result<std::optional<Item>> next() override { return Error{ErrorCode::kIo, "network gone"}; }
  } source;
  MemorySink sink;
  EXPECT_EQ(execute(runtime, {&plan, 1}, source, sink).error().message, "network gone");
}

TEST_F(ExecuteTest, AStopKeepsWholeRowsAndLeavesTheRest) {
  CompiledPlan plan = compile_plan(make_plan("slow", "delay_us: 2000\n"));
  std::stop_source stop;
  RunOptions options;
  options.stop = stop.get_token();
  MemorySink sink;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    stop.request_stop();
  });
  const Result<RunReport> report = execute(runtime, {&plan, 1}, *repeat_items(make_items(5), 1000000), sink, options);
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->cancelled);
  EXPECT_LT(report->items, 1000000);
  for (const Row& row : sink.rows()) EXPECT_FALSE(row.error.has_value());
}

TEST_F(ExecuteTest, PlansWithDifferentDecodingRunTogether) {
  Plan first = make_plan("one"), second = make_plan("two");
  second.pipeline.decode.region = false;
  std::vector<CompiledPlan> plans;
  plans.push_back(compile_plan(first));
  plans.push_back(compile_plan(second));
  MemorySink sink;
  ASSERT_TRUE(execute(runtime, plans, *from_items(make_items(20)), sink).ok());
  std::map<std::string, int> labels;
  for (const Row& row : sink.rows()) {
    ASSERT_FALSE(row.error);
    const auto [entry, fresh] = labels.emplace(row.item, row.prediction.label);
    EXPECT_TRUE(fresh || entry->second == row.prediction.label);
  }
  EXPECT_EQ(labels.size(), 20U);
}

/// A picture too small for the one plan's scale is decoded by both alike.
TEST_F(ExecuteTest, PlansThatDecodeSmallPicturesAlikeRunTogether) {
  Plan scaled = make_plan("scaled");
  scaled.pipeline.decode.scale_denominator = 4;
  scaled.pipeline.label = FidelityLabel::kLossy;
  std::vector<CompiledPlan> both;
  both.push_back(compile_plan(make_plan("exact")));
  both.push_back(compile_plan(scaled));
  std::vector<Item> items = make_items(1);
  items[0].bytes = make_jpeg(3, 24, 20);
  MemorySink sink;
  ASSERT_TRUE(execute(runtime, both, *from_items(items), sink).ok());
  ASSERT_EQ(sink.rows().size(), 2U);
  for (const Row& row : sink.rows()) EXPECT_FALSE(row.error) << row.error->message;
  EXPECT_EQ(sink.rows()[0].prediction.label, sink.rows()[1].prediction.label);
}

TEST_F(ExecuteTest, MeasuresPartsAlone) {
  CompiledPlan plan = compile_plan(make_plan("slow", "delay_us: 1000\n"));
  const Result<double> infer = measure_inference(plan, 0.1);
  ASSERT_TRUE(infer.ok());
  // Two streams sleep 1 ms a batch of four: at most 8000 a second.
  EXPECT_LT(*infer, 8200);
  EXPECT_GT(*infer, 0);
  const Result<RunReport> preprocess = measure_preprocessing(runtime, plan, *repeat_items(make_items(5), 200), {});
  ASSERT_TRUE(preprocess.ok());
  EXPECT_EQ(preprocess->items, 200);
}

TEST_F(ExecuteTest, OneMemoryBudgetBoundsBatchesPicturesAndRows) {
  Plan plan_text = make_plan("net");
  plan_text.shape.batch = 1;
  plan_text.shape.host_workers = 4;
  std::vector<Item> items = make_items(60);
  for (int i = 0; i < 60; i += 3) items[i].bytes = make_jpeg(i, 1200, 300);  // 300 KB of rows each
  MemorySink unbounded;
  CompiledPlan free_plan = compile_plan(plan_text);
  const Result<RunReport> free_run = execute(runtime, {&free_plan, 1}, *from_items(items), unbounded);
  ASSERT_TRUE(free_run.ok());
  RunOptions options;
  options.memory_bytes = 900'000;
  MemorySink bounded;
  CompiledPlan bounded_plan = compile_plan(plan_text, options);
  const Result<RunReport> run = execute(runtime, {&bounded_plan, 1}, *from_items(items), bounded, options);
  ASSERT_TRUE(run.ok()) << run.error().message;
  EXPECT_EQ(labels_of(bounded), labels_of(unbounded));
  EXPECT_GT(run->peak_memory_bytes, 300'000);
  EXPECT_LE(run->peak_memory_bytes, options.memory_bytes);
}

TEST_F(ExecuteTest, APictureTooLargeForTheBudgetIsARowThatSaysSo) {
  Plan plan_text = make_plan("net");
  plan_text.shape.host_workers = 1;
  std::vector<Item> items = make_items(20);
  items[7].bytes = make_jpeg(7, 4000, 100);
  RunOptions options;
  options.memory_bytes = 200'000;
  MemorySink sink;
  CompiledPlan plan = compile_plan(plan_text, options);
  ASSERT_TRUE(execute(runtime, {&plan, 1}, *from_items(items), sink, options).ok());
  ASSERT_EQ(sink.rows().size(), 20U);
  for (const Row& row : sink.rows()) {
    ASSERT_EQ(row.error.has_value(), row.item == "7");
    if (!row.error) continue;
    EXPECT_EQ(row.error->code, ErrorCode::kOutOfMemory);
    EXPECT_NE(row.error->message.find("--memory"), std::string::npos);
    EXPECT_TRUE(row.error->message.ends_with("left of 200000")) << row.error->message;
  }
  options.memory_bytes = 17'000;  // a batch buffer of 3 KB, but nothing to decode in
  MemorySink none;
  CompiledPlan tight = compile_plan(plan_text, options);
  options.memory_bytes = 3'300;
  const Result<RunReport> refused = execute(runtime, {&tight, 1}, *from_items(items), none, options);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("raise --memory"), std::string::npos);
}

/// Items of memory that answer late, as remote storage does.
class LateSource final : public Source {
 public:
  LateSource(std::vector<Item> items, std::chrono::milliseconds delay) : items_(std::move(items)), delay_(delay) {}
  Result<std::optional<Item>> next() override {
    const std::size_t index = next_++;
    if (index >= items_.size()) return std::optional<Item>{};
    Item item;
    item.id = item.path = items_[index].id;
    return std::optional<Item>{item};
  }
  Status read_range(const Item& item, std::int64_t offset, std::int64_t length, std::vector<std::uint8_t>& buffer) override {
    const int reading = ++reading_;
    for (int most = most_reading_; most < reading && !most_reading_.compare_exchange_weak(most, reading);) {
    }
    std::this_thread::sleep_for(delay_);
    const Status read = Source::read_range(items_[std::stoul(item.id)], offset, length, buffer);
    --reading_;
    return item.id == "13" ? Status(Error{ErrorCode::kIo, "the store is away"}) : read;
  }
  [[nodiscard]] int most_reading() const { return most_reading_; }

 private:
  std::vector<Item> items_;
  std::chrono::milliseconds delay_;
  std::atomic<std::size_t> next_{0};
  std::atomic<int> reading_{0}, most_reading_{0};
};

TEST_F(ExecuteTest, ReadingAheadHidesLateStorageAndChangesNoRow) {
  Plan plan_text = make_plan("net");
  plan_text.shape.host_workers = 1;
  std::map<std::string, int> labels[2];
  for (const int io_threads : {0, 6}) {
    plan_text.shape.io_threads = io_threads;
    CompiledPlan plan = compile_plan(plan_text);
    LateSource source(make_items(40), std::chrono::milliseconds(2));
    MemorySink sink;
    RunOptions options;
    options.ordered = true;
    ASSERT_TRUE(execute(runtime, {&plan, 1}, source, sink, options).ok());
    ASSERT_EQ(sink.rows().size(), 40U);
    for (int i = 0; i < 40; ++i) EXPECT_EQ(sink.rows()[i].item, std::to_string(i));
    EXPECT_EQ(sink.rows()[13].error->message, "the store is away");
    EXPECT_GT(sink.rows()[0].stage_us[static_cast<std::size_t>(Stage::kRead)], 2000);
    EXPECT_EQ(source.most_reading() > 1, io_threads > 1);
    labels[io_threads > 0] = labels_of(sink);
  }
  EXPECT_EQ(labels[0], labels[1]);
}

TEST_F(ExecuteTest, ReadAheadIsBoundedInBytesAndEndsWithTheRun) {
  Plan plan_text = make_plan("slow", "delay_us: 3000\n");
  plan_text.shape.host_workers = plan_text.shape.batch = plan_text.shape.streams = plan_text.shape.slots = 1;
  plan_text.shape.io_threads = 3;
  std::vector<Item> items = make_items(60);
  RunOptions options;
  options.memory_bytes = 400'000;
  std::stop_source stop;
  options.stop = stop.get_token();
  CompiledPlan plan = compile_plan(plan_text, options);
  MemorySink sink;
  LateSource source(items, std::chrono::milliseconds(0));
  const Result<RunReport> report = execute(runtime, {&plan, 1}, source, sink, options);
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(sink.rows().size(), 60U);
  EXPECT_LE(report->peak_memory_bytes, options.memory_bytes);
  LateSource endless(make_items(3000), std::chrono::milliseconds(0));
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(60));
    stop.request_stop();
  });
  MemorySink some;
  const Result<RunReport> stopped = execute(runtime, {&plan, 1}, endless, some, options);
  ASSERT_TRUE(stopped.ok());
  EXPECT_TRUE(stopped->cancelled);
  EXPECT_LT(stopped->items, 3000);
}

TEST_F(ExecuteTest, CompilingRefusesWhatCannotRun) {
  Plan plan = make_plan("net");
  RunOptions tiny;
  tiny.memory_bytes = 100;
  EXPECT_EQ(compile(runtime, plan, tiny).error().code, ErrorCode::kOutOfMemory);
  plan.backend = "abacus";
  EXPECT_FALSE(compile(runtime, plan).ok());
  plan = make_plan("net");
  plan.model_digest = "xxh3:0";
  EXPECT_NE(compile(runtime, plan).error().message.find("plan again"), std::string::npos);
  plan = make_plan("net");
  std::get<FusedStep>(plan.pipeline.host_steps[0]).operators.emplace_back(ConvertOp{DType::kF32});
  EXPECT_FALSE(compile(runtime, plan).ok());
}

}  // namespace
}  // namespace smol
