#include <gtest/gtest.h>

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "smol/plan.h"

namespace smol {
namespace {

Plan example_plan(const std::string& id) {
  Plan plan;
  plan.id = id;
  plan.model = "/models/net.yaml";
  plan.model_name = "net";
  plan.model_digest = "xxh3:0123456789abcdef";
  plan.precision = Precision::kBF16;
  plan.rendition = "thumb161";
  plan.fidelity = "scale4";
  plan.pipeline.decode.scale_denominator = 4;
  plan.pipeline.decode.region = true;
  plan.pipeline.label = FidelityLabel::kLossy;
  plan.pipeline.host_steps.emplace_back(
      FusedStep{{OrientOp{}, ResizeOp{}, CenterCropOp{}, ConvertOp{DType::kF32},
                 NormalizeOp{{123.675F, 116.28F, 103.53F}, {58.395F, 57.12F, 57.375F}}, LayoutOp{}},
                14});
  plan.shape = {8, 3, 2, 1, 5, true, 1};
  plan.predicted = PlanPrediction{130.5, 150.25, 110.125, 400.75, 150.25, 9000.5, false, "host cores"};
  PlanMeasurement& measured = plan.measured.emplace();
  measured.throughput = {123.456, 100.1, 150.9};
  measured.preprocess_throughput = 400.25;
  measured.infer_throughput = 99.5;
  measured.accuracy = Estimate{0.875, 0.8, 0.93};
  measured.agreement = true;
  measured.num_items = 64;
  measured.held_out_accuracy = Estimate{0.85, 0.78, 0.91};
  measured.num_held_out = 60;
  measured.accuracy_change = Estimate{-0.0125, -0.04, 0.015};
  measured.max_difference = 17;
  measured.mean_difference = 0.454;
  measured.undecided_from = "b";
  measured.held_for_calibration = true;
  measured.latency_us = 8123.25;
  plan.simulated = true;
  return plan;
}

PlanSet example_set() {
  PlanSet set;
  set.machine = "a machine: with a colon, 2 cores";
  set.cores = 48;
  set.smol_version = "0.1.0";
  set.date = "2026-01-02T03:04:05Z";
  set.dataset = "d.yaml";
  set.reference_rendition = "large";
  set.calibration = "64 of 400 items, evenly spaced";
  set.accuracy_kind = "labels";
  set.held_out = "the other 336 items";
  set.chosen = "b";
  set.decision.constraint = "accuracy at least 0.8";
  set.decision.reason = "the fastest whose interval's lower end reaches it";
  set.decision.min_accuracy = 0.8;
  set.decision.max_cost = 1.5;
  set.planning_seconds = 93.5;
  set.overlap_exponent = 1.05;
  set.plans = {example_plan("a"), example_plan("b")};
  set.dominated = {example_plan("c")};
  set.dominated[0].measured.reset();
  return set;
}

TEST(PlanTextTest, ParsesBackToTheSamePlans) {
  const PlanSet set = example_set();
  const Result<PlanSet> parsed = parse_plans(to_yaml(set));
  ASSERT_TRUE(parsed.ok()) << parsed.error().message << "\n" << to_yaml(set);
  EXPECT_EQ(*parsed, set);
  EXPECT_EQ(to_yaml(*parsed), to_yaml(set));
}

TEST(PlanTextTest, RefusesWhatItDoesNotKnow) {
  const std::string text = to_yaml(example_set());
  const auto refuse = [&](const std::string& from, const std::string& to) {
    std::string changed = text;
    changed.replace(changed.find(from), from.size(), to);
    const Result<PlanSet> parsed = parse_plans(changed);
    EXPECT_FALSE(parsed.ok()) << to;
    return parsed.ok() ? std::string() : parsed.error().message;
  };
  EXPECT_NE(refuse("rendition:", "rendering:").find("rendering"), std::string::npos);
  EXPECT_NE(refuse("format: 2", "format: 3").find("plan again"), std::string::npos);
  EXPECT_NE(refuse("machine:", "machin:").find("machin"), std::string::npos);
  EXPECT_NE(refuse("batch: 8", "batch: many").find("batch"), std::string::npos);
  EXPECT_NE(refuse("precision: bf16", "precision: f64").find("f64"), std::string::npos);
  const Estimate accuracy = *example_plan("a").measured->accuracy;
  const std::string written = fmt::format("accuracy: [{}, {}, {}]", accuracy.value, accuracy.low, accuracy.high);
  for (const char* wrong : {"accuracy: [7, 6, 8]", "accuracy: [-0.1, -0.2, 0]", "accuracy: [0.5, 0.6, 0.7]",
                            "accuracy: [.nan, 0, 1]", "accuracy: [0.5, 0.4, 1.1]", "accuracy: [0.5, 0.4]"}) {
    EXPECT_NE(refuse(written, wrong).find("[value, low, high]"), std::string::npos) << wrong;
  }
  EXPECT_FALSE(parse_plans("").ok());
  EXPECT_FALSE(parse_plans("[1, 2]").ok());
  EXPECT_FALSE(parse_plans("format: 1\nplans: []\n").ok());
}

TEST(PlanTextTest, FindsPlansById) {
  const PlanSet set = example_set();
  EXPECT_EQ((*set.find(""))->id, "b");
  EXPECT_EQ((*set.find("c"))->id, "c");
  EXPECT_NE(set.find("z").error().message.find("a, b, c"), std::string::npos);
}

TEST(PlanTextTest, FilesKeepModelPathsRelative) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / ("smol-plan-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder / "models");
  PlanSet set = example_set();
  for (auto* list : {&set.plans, &set.dominated}) {
    for (Plan& plan : *list) plan.model = (folder / "models/net.yaml").string();
  }
  ASSERT_TRUE(save_plans(set, (folder / "plans.yaml").string()).ok());
  std::filesystem::rename(folder, folder.string() + "-moved");
  const Result<PlanSet> loaded = load_plans(folder.string() + "-moved/plans.yaml");
  ASSERT_TRUE(loaded.ok());
  EXPECT_EQ(loaded->plans[0].model, folder.string() + "-moved/models/net.yaml");
  std::filesystem::remove_all(folder.string() + "-moved");
}

TEST(SemanticHashTest, NamesAnswersAndNothingElse) {
  const Plan plan = example_plan("a");
  const auto hash_with = [&](auto change) {
    Plan changed = plan;
    change(changed);
    return changed.semantic_hash();
  };
  EXPECT_EQ(hash_with([](Plan& p) { p.id = "z"; }), plan.semantic_hash());
  EXPECT_EQ(hash_with([](Plan& p) { p.shape.batch = 99; }), plan.semantic_hash());
  EXPECT_EQ(hash_with([](Plan& p) { p.measured.reset(); }), plan.semantic_hash());
  EXPECT_NE(hash_with([](Plan& p) { p.model_digest = "other"; }), plan.semantic_hash());
  EXPECT_NE(hash_with([](Plan& p) { p.rendition = "full"; }), plan.semantic_hash());
  EXPECT_NE(hash_with([](Plan& p) { p.precision = Precision::kF32; }), plan.semantic_hash());
  EXPECT_NE(hash_with([](Plan& p) { p.pipeline.decode.scale_denominator = 8; }), plan.semantic_hash());
  // Exact forms give the same answers whatever their physical form.
  Plan exact = plan;
  exact.pipeline.label = FidelityLabel::kExact;
  Plan other_form = exact;
  other_form.pipeline.decode.region = false;
  EXPECT_EQ(exact.semantic_hash(), other_form.semantic_hash());
}

}  // namespace
}  // namespace smol
