#include "optimizer/graph.h"

#include <gtest/gtest.h>

#include "inputs.h"

namespace smol::test {
namespace {

LogicalPipeline stretched(int side) {
  return {{OrientOp{}, ResizeOp{ResizeOp::Mode::kExact, side, side}, ConvertOp{}, LayoutOp{}}};
}

TEST(OptimizeGraph, OutputsKeepTheirRegions) {
  const auto results = optimize_graph({{{"crop", classification()}, {"whole", stretched(320)}}}, capable_input({}));
  ASSERT_TRUE(results) << results.error().message;
  ASSERT_EQ(results->size(), 2U);
  EXPECT_TRUE((*results)[0].candidates.front().pipeline.decode.region);
  EXPECT_FALSE((*results)[1].candidates.front().pipeline.decode.region) << "run_many decodes the union: everything";
}

TEST(OptimizeGraph, AUserOperatorTakesGrayBack) {
  OptimizerInput shared = capable_input({});
  shared.context.all_gray = true;
  LogicalPipeline user = stretched(224);
  user.operators.insert(user.operators.begin() + 1, UserOp{std::make_shared<PointOperator>(false, 5)});
  const auto gray = optimize_graph({{{"a", stretched(224)}, {"b", stretched(320)}}}, shared);
  ASSERT_TRUE(gray) << gray.error().message;
  EXPECT_EQ((*gray)[0].candidates.front().pipeline.decode.format, PixelFormat::kGray8);
  const auto mixed = optimize_graph({{{"a", stretched(224)}, {"user", user}}}, shared);
  ASSERT_TRUE(mixed) << mixed.error().message;
  for (const OptimizerResult& result : *mixed) {
    EXPECT_EQ(result.candidates.front().pipeline.decode.format, PixelFormat::kRgbx8);
  }
}

TEST(OptimizeGraph, OnlyDecodeStepsInCommonAreOffered) {
  // 4000x3000: 224 leaves room for 1/8, 1024 only for 1/2.
  const auto results =
      optimize_graph({{{"small", stretched(224)}, {"large", stretched(1024)}}}, capable_input({}, 4000, 3000));
  ASSERT_TRUE(results) << results.error().message;
  for (const OptimizerResult& result : *results) {
    EXPECT_FALSE(result.candidates.empty());
    for (const Candidate& candidate : result.candidates) EXPECT_EQ(candidate.pipeline.decode.scale_denominator, 1);
  }
}

TEST(OptimizeGraph, NamesTheOutputThatDoesNotVerify) {
  const auto results = optimize_graph({{{"good", classification()}, {"bad", {{ResizeOp{}}}}}}, capable_input({}));
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(results.error().message.find("output bad: "), 0U);
  EXPECT_EQ(optimize_graph({}, capable_input({})).error().code, ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace smol::test
