#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "unit/engine/engine_fixture.h"

namespace smol {
namespace {

using ::testing::HasSubstr;

class EvaluateTest : public ::testing::Test, public EngineFixture {
 protected:
  // 20 pictures, and their answers from a run over all of them.
  void SetUp() override {
    const std::string pictures = folder.path("pictures");
    std::filesystem::create_directories(pictures);
    for (int i = 0; i < 20; ++i) {
      const auto bytes = make_jpeg(i);
      std::ofstream(pictures + "/" + std::to_string(i) + ".jpg", std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes->data()), static_cast<std::streamsize>(bytes->size()));
    }
    dataset_ = open_dataset(pictures).value();
    plan_.emplace(compile_plan(make_plan("net")));
    MemorySink sink;
    ASSERT_TRUE(execute(runtime, {&*plan_, 1}, *dataset_.open("full"), sink).ok());
    for (const Row& row : sink.rows()) answers_[row.item] = row.prediction;
    ASSERT_EQ(answers_.size(), 20U);
  }

  Dataset dataset_;
  std::optional<CompiledPlan> plan_;
  std::map<std::string, Prediction> answers_;
};

TEST_F(EvaluateTest, AnswersAsAWholeRunDoesInTheOrderAskedFor) {
  const std::vector<std::string> ids{"7.jpg", "19.jpg", "0.jpg", "11.jpg"};
  const auto rows = evaluate(runtime, *plan_, dataset_, "full", ids);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  std::vector<std::string> items;
  for (const Row& row : *rows) {
    items.push_back(row.item);
    EXPECT_EQ(row.prediction.top_labels, answers_[row.item].top_labels);
    EXPECT_EQ(row.prediction.top_scores, answers_[row.item].top_scores);
  }
  EXPECT_EQ(items, ids);
}

TEST_F(EvaluateTest, GivesARowForEachRegion) {
  dataset_.regions.assign(dataset_.item_ids.size(), {});
  const auto index = static_cast<std::size_t>(std::find(dataset_.item_ids.begin(), dataset_.item_ids.end(), "3.jpg") -
                                              dataset_.item_ids.begin());
  dataset_.regions[index] = {{"left", {0, 0, 20, 20}}, {"right", {30, 10, 20, 20}}};
  const std::vector<std::string> ids{"3.jpg"};
  const auto rows = evaluate(runtime, *plan_, dataset_, "full", ids);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ((*rows)[0].region, "left");
  EXPECT_EQ((*rows)[1].region, "right");
}

TEST_F(EvaluateTest, FailuresAreRowsAndUnknownItemsAnError) {
  std::filesystem::remove(folder.path("pictures/5.jpg"));
  const std::vector<std::string> ids{"4.jpg", "5.jpg"}, unknown{"4.jpg", "nosuch.jpg"};
  const auto rows = evaluate(runtime, *plan_, dataset_, "full", ids);
  ASSERT_TRUE(rows.ok()) << rows.error().message;
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_FALSE((*rows)[0].error.has_value());
  EXPECT_EQ((*rows)[1].error->code, ErrorCode::kNotFound);
  const auto refused = evaluate(runtime, *plan_, dataset_, "full", unknown);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(refused.error().message, HasSubstr("nosuch.jpg"));
}

}  // namespace
}  // namespace smol
