// The chosen form is the cheapest of all: of those that were generated and pruned, and of those that an enumeration knowing
// nothing of the rules finds.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "inputs.h"

namespace smol::test {
namespace {

int geometry_rank(const Operator& op) {
  if (std::holds_alternative<OrientOp>(op)) return 0;
  if (std::holds_alternative<ResizeOp>(op)) return 1;
  return std::holds_alternative<CenterCropOp>(op) ? 2 : -1;
}

int fused_rank(const Operator& op) {
  if (std::holds_alternative<ColorOp>(op)) return 3;
  if (std::holds_alternative<ConvertOp>(op)) return 4;
  if (std::holds_alternative<NormalizeOp>(op)) return 5;
  return std::holds_alternative<LayoutOp>(op) ? 6 : geometry_rank(op);
}

/// The paper's freedom, written down for the classification default: geometry keeps its order, layout follows geometry
/// (kernels are interleaved), normalise follows convert, everything else may stand anywhere.
bool is_allowed(const std::vector<Operator>& order) {
  int geometry = -1;
  bool converted = false, laid_out = false;
  for (const Operator& op : order) {
    if (const int rank = geometry_rank(op); rank >= 0) {
      if (rank < geometry || laid_out) return false;
      geometry = rank;
    }
    laid_out = laid_out || std::holds_alternative<LayoutOp>(op);
    converted = converted || std::holds_alternative<ConvertOp>(op);
    if (std::holds_alternative<NormalizeOp>(op) && !converted) return false;
  }
  return true;
}

/// One grouping of an order: bit i of `cuts` separates operators i and i + 1. Groups work geometry first.
std::vector<PhysicalStep> grouped(const std::vector<Operator>& order, unsigned cuts) {
  std::vector<PhysicalStep> steps;
  std::vector<Operator> group;
  for (std::size_t i = 0; i < order.size(); ++i) {
    group.push_back(order[i]);
    const bool last = i + 1 == order.size();
    if (!last && (cuts >> i & 1U) == 0) continue;
    const bool geometry_first =
        std::is_partitioned(group.begin(), group.end(), [](const Operator& op) { return geometry_rank(op) >= 0; });
    if (!geometry_first) return {};
    std::stable_sort(group.begin(), group.end(),
                     [](const Operator& a, const Operator& b) { return fused_rank(a) < fused_rank(b); });
    if (group.size() == 1) {
      steps.emplace_back(SingleStep{group.front()});
    } else {
      steps.emplace_back(FusedStep{group});
    }
    group.clear();
  }
  return steps;
}

/// Every order, every grouping, every way to decode of a codec with regions.
std::vector<PhysicalPipeline> enumerate(std::vector<Operator> operators) {
  std::vector<PhysicalPipeline> forms;
  std::set<std::string> texts;
  std::vector<std::size_t> permutation(operators.size());
  for (std::size_t i = 0; i < permutation.size(); ++i) permutation[i] = i;
  do {
    std::vector<Operator> order;
    for (const std::size_t i : permutation) order.push_back(operators[i]);
    if (!is_allowed(order)) continue;
    for (unsigned cuts = 0; cuts < 1U << (order.size() - 1); ++cuts) {
      PhysicalPipeline form;
      form.host_steps = grouped(order, cuts);
      if (form.host_steps.empty() || !verify(form)) continue;
      form.label = label_of_order(form, {operators});
      const auto* first = std::get_if<FusedStep>(&form.host_steps.front());
      const bool crops =
          first != nullptr && std::any_of(first->operators.begin(), first->operators.end(),
                                          [](const auto& op) { return std::holds_alternative<CenterCropOp>(op); });
      for (const bool region : {false, true}) {
        form.decode.region = form.decode.early_stop = region;
        if ((!region || crops) && texts.insert(to_string(form)).second) forms.push_back(form);
      }
    }
  } while (std::next_permutation(permutation.begin(), permutation.end()));
  return forms;
}

LogicalPipeline with_bgr() {
  LogicalPipeline logical = classification();
  logical.operators.push_back(ColorOp{ColorOrder::kBGR});
  return logical;
}

TEST(BruteForce, GenerationFindsExactlyWhatTheEnumerationFinds) {
  for (const LogicalPipeline& logical : {classification(), with_bgr()}) {
    OptimizerInput input = capable_input(logical);
    input.keep_all_forms = true;
    const auto result = optimize(input);
    ASSERT_TRUE(result) << result.error().message;
    std::set<std::string> generated, enumerated;
    for (const FormRecord& form : result->forms) generated.insert(to_string(form.candidate.pipeline));
    for (const PhysicalPipeline& form : enumerate(logical.operators)) enumerated.insert(to_string(form));
    EXPECT_EQ(generated, enumerated);
    EXPECT_EQ(generated.size(), result->num_generated);
  }
}

TEST(BruteForce, ChosenIsCheapestOfTheEnumerationAtEverySize) {
  const std::vector<PhysicalPipeline> forms = enumerate(classification().operators);
  ASSERT_GT(forms.size(), 50U);
  for (const int width : {17, 64, 161, 224, 225, 256, 320, 500, 1000, 4000}) {
    for (const int height : {31, 100, 224, 256, 300, 375, 1024, 3000}) {
      for (const OpCostWeights& weights : several_weights()) {
        OptimizerInput input = capable_input(classification(), width, height);
        input.weights = weights;
        const auto result = optimize(input);
        ASSERT_TRUE(result) << result.error().message;
        const Candidate& chosen = result->candidates.front();
        EXPECT_EQ(chosen.pipeline.label, FidelityLabel::kExact);
        double cheapest = std::numeric_limits<double>::infinity();
        for (const PhysicalPipeline& form : forms) {
          if (form.label != FidelityLabel::kExact) continue;
          cheapest = std::min(cheapest, price(count_work(form, input.context.typical, false), weights).total());
        }
        EXPECT_EQ(chosen.cost.total(), cheapest) << width << "x" << height << " " << to_string(chosen.pipeline);
      }
    }
  }
}

/// Pipelines of every kind; the user operators weigh little, some and much.
std::vector<LogicalPipeline> various_pipelines() {
  std::vector<LogicalPipeline> pipelines{classification(), with_bgr()};
  pipelines.push_back({{ConvertOp{DType::kF32}, imagenet(), ResizeOp{}, CenterCropOp{224, 224}, LayoutOp{}}});
  for (const Filter filter : {Filter::kNearest, Filter::kBicubic}) {
    pipelines.push_back(
        {{OrientOp{}, ResizeOp{ResizeOp::Mode::kExact, 224, 224, filter}, ConvertOp{}, imagenet(), LayoutOp{}}});
  }
  pipelines.push_back({{CropOp{{2, 3, 60, 50}}, ResizeOp{ResizeOp::Mode::kExact, 128, 128}, ConvertOp{}, LayoutOp{}}});
  pipelines.push_back({{OrientOp{}, ResizeOp{ResizeOp::Mode::kFit, 320, 320}, PadOp{320, 320}, ConvertOp{}, LayoutOp{}}});
  pipelines.push_back({{ResizeOp{}, CenterCropOp{224, 224}, ColorOp{ColorOrder::kGray}, ConvertOp{}, LayoutOp{}}});
  pipelines.push_back({{CenterCropOp{224, 224}, ConvertOp{}, imagenet()}});
  for (const double operations : {0.5, 20.0, 500.0}) {
    for (const bool commutes : {false, true}) {
      LogicalPipeline logical = classification();
      logical.operators.insert(logical.operators.begin() + 1, UserOp{std::make_shared<PointOperator>(commutes, operations)});
      pipelines.push_back(logical);
    }
  }
  return pipelines;
}

TEST(BruteForce, NothingCheaperWasPrunedAtEverySize) {
  for (const LogicalPipeline& logical : various_pipelines()) {
    for (const auto& [width, height] : {std::pair{64, 64}, {90, 500}, {224, 224}, {500, 375}, {375, 500}, {3000, 2000}}) {
      for (const OpCostWeights& weights : several_weights()) {
        OptimizerInput input = capable_input(logical, width, height);
        input.weights = weights;
        input.keep_all_forms = true;
        const auto result = optimize(input);
        ASSERT_TRUE(result) << result.error().message;
        ASSERT_FALSE(result->generation_stopped);
        for (const FormRecord& form : result->forms) {
          if (form.candidate.pipeline.label != FidelityLabel::kExact) continue;
          EXPECT_LE(result->candidates.front().cost.total(), form.candidate.cost.total())
              << width << "x" << height << " pruned by " << form.pruned_by << "\n"
              << to_string(form.candidate.pipeline);
        }
      }
    }
  }
}

}  // namespace
}  // namespace smol::test
