#include "optimizer/optimizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "inputs.h"
#include "optimizer/explain.h"

namespace smol::test {
namespace {

using testing::HasSubstr;

std::vector<std::string> all_rule_names() {
  std::vector<std::string> names;
  for (const ExactRule& rule : built_in_rules().exact) names.emplace_back(rule.name);
  for (const ChoiceRule& rule : built_in_rules().choices) names.emplace_back(rule.name);
  return names;
}

TEST(Optimizer, ClassificationBecomesOneStepOverTheRegion) {
  const auto result = optimize(capable_input(classification()));
  ASSERT_TRUE(result) << result.error().message;
  const PhysicalPipeline& chosen = result->candidates.front().pipeline;
  EXPECT_EQ(result->candidates.front().fidelity, "exact");
  EXPECT_EQ(chosen.decode, (DecodeStep{1, true, true, PixelFormat::kRgbx8}));
  ASSERT_EQ(chosen.host_steps.size(), 1U);
  EXPECT_EQ(std::get<FusedStep>(chosen.host_steps[0]).operators, classification().operators);
  EXPECT_TRUE(chosen.device_operators.empty());
}

TEST(Optimizer, WithEveryRuleDisabledTheLogicalPipelineRunsAsItStands) {
  OptimizerInput input = capable_input(classification());
  for (const std::string& name : all_rule_names()) input.disabled_rules.insert(name);
  const auto result = optimize(input);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->candidates.size(), 1U);
  EXPECT_EQ(result->num_generated, 1U);
  const PhysicalPipeline& chosen = result->candidates.front().pipeline;
  EXPECT_EQ(chosen.decode, DecodeStep{});
  ASSERT_EQ(chosen.host_steps.size(), classification().operators.size());
  for (std::size_t i = 0; i < chosen.host_steps.size(); ++i) {
    EXPECT_EQ(std::get<SingleStep>(chosen.host_steps[i]).op, classification().operators[i]);
  }
}

TEST(Optimizer, ADisabledRuleNeitherGeneratesNorPrunes) {
  for (const std::string& name : all_rule_names()) {
    OptimizerInput input = capable_input(classification());
    input.disabled_rules = {name};
    const auto result = optimize(input);
    ASSERT_TRUE(result) << name << ": " << result.error().message;
    const auto trace =
        std::find_if(result->rules.begin(), result->rules.end(), [&](const auto& t) { return t.name == name; });
    EXPECT_TRUE(trace->disabled);
    EXPECT_EQ(trace->num_generated + trace->num_pruned + trace->fired.size() + trace->notes.size(), 0U) << name;
    EXPECT_EQ(trace->microseconds, 0);
  }
}

TEST(Optimizer, CandidatesVerifyAndWriteWhatTheModelTakes) {
  const auto result = optimize(capable_input(classification(), 4000, 3000));
  ASSERT_TRUE(result);
  EXPECT_GT(result->candidates.size(), 10U);
  for (const Candidate& candidate : result->candidates) {
    const auto host = verify(candidate.pipeline);
    ASSERT_TRUE(host) << host.error().message;
    EXPECT_EQ(host->width, 224);
    EXPECT_EQ(parse_physical_pipeline(to_string(candidate.pipeline)).value(), candidate.pipeline);
    const auto all = verify(LogicalPipeline{operators_of(candidate.pipeline)});
    ASSERT_TRUE(all) << all.error().message;
    EXPECT_EQ(all->layout, Layout::kNCHW);
    EXPECT_EQ(all->dtype, DType::kF32);
  }
}

TEST(Optimizer, CandidatesBeginExactAndAreSortedByLabel) {
  const auto result = optimize(capable_input(classification(), 4000, 3000));
  ASSERT_TRUE(result);
  EXPECT_TRUE(std::is_sorted(result->candidates.begin(), result->candidates.end(),
                             [](const auto& a, const auto& b) { return a.pipeline.label < b.pipeline.label; }));
  std::set<std::string> fidelities;
  for (const Candidate& candidate : result->candidates) fidelities.insert(candidate.fidelity);
  EXPECT_EQ(fidelities, (std::set<std::string>{"exact", "bits14", "planes", "scale4", "scale8"}));
}

TEST(Optimizer, LossyCandidatesAreLeftOutOnRequest) {
  OptimizerInput input = capable_input(classification(), 4000, 3000);
  input.allow_lossy = false;
  const auto result = optimize(input);
  ASSERT_TRUE(result);
  for (const Candidate& candidate : result->candidates) EXPECT_LT(candidate.pipeline.label, FidelityLabel::kLossy);
}

TEST(Optimizer, IsAPureFunction) {
  const OptimizerInput input = capable_input(classification(), 1234, 777);
  const auto first = optimize(input), second = optimize(input);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(explain(input, *first), explain(input, *second));
}

TEST(Optimizer, TheCodecsNameChangesOnlyTheDisplay) {
  OptimizerInput input = capable_input(classification());
  input.codec_name = "one";
  const auto one = optimize(input);
  input.codec_name = "other";
  const auto other = optimize(input);
  ASSERT_TRUE(one && other);
  ASSERT_EQ(one->candidates.size(), other->candidates.size());
  for (std::size_t i = 0; i < one->candidates.size(); ++i) {
    EXPECT_EQ(one->candidates[i].pipeline, other->candidates[i].pipeline);
  }
}

TEST(Optimizer, ExplainShowsTimesOnlyOnRequest) {
  const OptimizerInput input = capable_input(classification());
  const auto result = optimize(input);
  ASSERT_TRUE(result);
  EXPECT_THAT(explain(input, *result, {true, 5}), HasSubstr(" us\n"));
  EXPECT_THAT(explain(input, *result), testing::Not(HasSubstr(" us\n")));
}

// ---- What the driver catches: rules that are wrong. ----

RuleList with_exact(std::string_view name, decltype(ExactRule::simplify) simplify,
                    decltype(ExactRule::neighbours) neighbours) {
  RuleList rules = built_in_rules();
  rules.exact.push_back({name, "", simplify, neighbours});
  return rules;
}

void expect_blamed(const RuleList& rules, std::string_view name, OptimizerInput input = capable_input(classification())) {
  const auto result = optimize(input, rules);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kInternal);
  EXPECT_THAT(result.error().message, HasSubstr(std::string(name)));
  input.disabled_rules.insert(std::string(name));
  EXPECT_TRUE(optimize(input, rules)) << "a disabled rule does no harm";
}

TEST(RunRule, CatchesAChangedOutput) {
  expect_blamed(with_exact("drops_layout", nullptr,
                           [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<PhysicalPipeline> {
                             if (form.host_steps.size() < 2) return {};
                             return {with_steps(form, form.host_steps.size() - 1, 1, {})};
                           }),
                "drops_layout");
}

TEST(RunRule, CatchesAMissingCapability) {
  OptimizerInput input = capable_input(classification());
  input.context.codec.region = false;
  expect_blamed(with_exact("regions_anyway", nullptr,
                           [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<PhysicalPipeline> {
                             PhysicalPipeline changed = form;
                             changed.decode.region = true;
                             return {changed};
                           }),
                "regions_anyway", input);
}

TEST(RunRule, CatchesAnOrderThatDoesNotVerify) {
  expect_blamed(with_exact("normalizes_bytes", nullptr,
                           [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<PhysicalPipeline> {
                             PhysicalPipeline changed = form;
                             std::reverse(changed.host_steps.begin(), changed.host_steps.end());
                             return {changed};
                           }),
                "normalizes_bytes");
}

TEST(RunRule, CatchesASimplificationThatChangesTheOutput) {
  expect_blamed(with_exact(
                    "drops_last",
                    [](const LogicalPipeline& pipeline, const RuleContext&) -> std::optional<Simplification> {
                      if (!std::holds_alternative<LayoutOp>(pipeline.operators.back())) return std::nullopt;
                      Simplification result{pipeline, "layout", "nothing"};
                      result.pipeline.operators.pop_back();
                      return result;
                    },
                    nullptr),
                "drops_last");
}

TEST(RunRule, CatchesASimplificationThatNeverEnds) {
  expect_blamed(with_exact(
                    "same_again",
                    [](const LogicalPipeline& pipeline, const RuleContext&) -> std::optional<Simplification> {
                      return Simplification{pipeline, "all", "all"};
                    },
                    nullptr),
                "same_again");
}

RuleList with_choice(std::string_view name, decltype(ChoiceRule::alternatives) alternatives) {
  RuleList rules = built_in_rules();
  rules.choices.push_back({name, "", alternatives});
  return rules;
}

TEST(RunRule, CatchesALyingLabel) {
  expect_blamed(with_choice("scales_exactly",
                            [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<Alternative> {
                              PhysicalPipeline scaled = form;
                              scaled.decode.scale_denominator = 8;
                              return {{scaled, "free", "free lunch"}};
                            }),
                "scales_exactly");
}

TEST(RunRule, CatchesShortCoefficientsLabelledExact) {
  expect_blamed(with_choice("shortens_exactly",
                            [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<Alternative> {
                              PhysicalPipeline shorter = form;
                              std::get<FusedStep>(shorter.host_steps.front()).coefficient_bits = 14;
                              return {{shorter, "free", "free lunch"}};
                            }),
                "shortens_exactly");
}

TEST(RunRule, CatchesALabelThatImproves) {
  RuleList rules = with_choice("blurs", [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<Alternative> {
    PhysicalPipeline lossy = form;
    lossy.label = FidelityLabel::kLossy;
    return {{lossy, "blurred", "of a kind that the driver knows nothing of"}};
  });
  rules.choices.push_back(
      {"forgets_label", "", [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<Alternative> {
         if (form.decode.scale_denominator > 1 || form.decode.format == PixelFormat::kYcc8Planar) return {};
         PhysicalPipeline exact = form;
         exact.label = std::min(form.label, FidelityLabel::kWithin1Lsb);
         return {{exact, "again", "again"}};
       }});
  expect_blamed(rules, "forgets_label");
}

TEST(RunRule, CatchesOperatorsThatTheBackendDoesNotCompile) {
  OptimizerInput input = capable_input(classification());
  input.context.backend.compiles_device_operators = false;
  expect_blamed(with_choice("places_anyway",
                            [](const PhysicalPipeline& form, const RuleContext&) -> std::vector<Alternative> {
                              PhysicalPipeline placed = form;
                              placed.device_operators = {LayoutOp{Layout::kNCHW}};
                              return {{placed, "", "placed"}};
                            }),
                "places_anyway", input);
}

}  // namespace
}  // namespace smol::test
