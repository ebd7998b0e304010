// Runs every *.plan of this folder. With SMOL_UPDATE_PLANS=1 the expected texts are rewritten instead: read the diff.
#include "optimizer/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "plan/plan_case.h"

namespace smol::test {
namespace {

bool updates() { return std::getenv("SMOL_UPDATE_PLANS") != nullptr; }

std::vector<std::string> plan_files() {
  std::vector<std::string> stems;
  for (const auto& entry : std::filesystem::directory_iterator(SMOL_TESTS_DIR "/plan")) {
    if (entry.path().extension() == ".plan") stems.push_back(entry.path().stem());
  }
  std::sort(stems.begin(), stems.end());
  return stems;
}

std::string path_of(const std::string& stem) { return SMOL_TESTS_DIR "/plan/" + stem + ".plan"; }

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string explained(const OptimizerInput& input) {
  const Result<OptimizerResult> result = optimize(input);
  return result ? explain(input, *result) : "error: " + result.error().message + "\n";
}

class PlanFile : public testing::TestWithParam<std::string> {};

TEST_P(PlanFile, ExplainsAsWritten) {
  const auto cases = parse_plan_cases(content_of(path_of(GetParam())));
  ASSERT_TRUE(cases) << cases.error().message;
  ASSERT_FALSE(cases->empty());
  std::string rewritten;
  for (const PlanCase& plan : *cases) {
    const std::string actual = explained(plan.input);
    rewritten += (rewritten.empty() ? "" : "====\n") + plan.header + "----\n" + actual;
    if (!updates()) {
      EXPECT_EQ(actual, plan.expected) << plan.header;
    }
  }
  if (updates()) std::ofstream(path_of(GetParam())) << rewritten;
}

INSTANTIATE_TEST_SUITE_P(Plans, PlanFile, testing::ValuesIn(plan_files()), [](const auto& file) { return file.param; });

TEST(PlanFiles, EveryRuleHasOneOfItsName) {
  const std::vector<std::string> stems = plan_files();
  std::vector<std::string_view> rules;
  for (const ExactRule& rule : built_in_rules().exact) rules.push_back(rule.name);
  for (const ChoiceRule& rule : built_in_rules().choices) rules.push_back(rule.name);
  for (const std::string_view rule : rules) {
    EXPECT_NE(std::find(stems.begin(), stems.end(), rule), stems.end()) << "no tests/plan/" << rule << ".plan";
  }
}

}  // namespace
}  // namespace smol::test
