#include "planner/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include "report_fixture.h"

namespace smol {
namespace {

using test::mark_of;
using test::marks_of;
using test::markup_problem;
using test::numbers_of;
using test::plan_at;
using test::predicted_plan;
using test::report_of;
using test::section_of;
using test::wide_drawing;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const char* const kFrontier = "Throughput against";
const char* const kStages = "Where the time";
const char* const kPredictions = "Predicted against measured";
const char* const kRates = "What cores and device do";

Profile::Breakdown breakdown(const std::string& model, double decode_us, double fused_us, double infer_us) {
  Profile::Breakdown entry;
  entry.rendition = "full";
  entry.model = model;
  entry.decode_us = decode_us;
  entry.fused_us = fused_us;
  entry.infer_us = infer_us;
  return entry;
}

Profile::Preprocess preprocess(const std::string& rendition, const std::string& model, const std::string& pipeline) {
  Profile::Preprocess entry;
  entry.rendition = rendition;
  entry.model = model;
  entry.pipeline = pipeline;
  entry.items_per_s = {100, 110};
  return entry;
}

TEST(ReportTest, AllPlansAreInTheTablesAndInBothDrawings) {
  ReportInput input = report_of({plan_at("fast", 300, 0.5), plan_at("good", 100, 0.9)}, {plan_at("worse", 90, 0.4)});
  const std::string html = report_html(input), frontier = section_of(html, kFrontier);
  for (const char* id : {"fast", "good", "worse"}) {
    EXPECT_THAT(frontier, HasSubstr("<code>" + std::string(id) + "</code>"));
    const auto marks = marks_of(frontier);
    EXPECT_EQ(std::count_if(marks.begin(), marks.end(), [&](const test::Mark& mark) { return mark.id == id; }), 2) << id;
  }
  EXPECT_EQ(markup_problem(html), "");
  EXPECT_EQ(html, report_html(input));
}

TEST(ReportTest, FasterIsRightAndMoreAccurateIsAbove) {
  // Below and beyond the range from which the axis is logarithmic.
  for (const double fastest : {300.0, 30'000.0}) {
    const std::string svg = wide_drawing(
        report_html(report_of({plan_at("fast", fastest, 0.4), plan_at("good", 100, 0.9)}, {plan_at("middle", 200, 0.3)})),
        kFrontier);
    EXPECT_LT(mark_of(svg, "good").x, mark_of(svg, "middle").x);
    EXPECT_LT(mark_of(svg, "middle").x, mark_of(svg, "fast").x);
    EXPECT_LT(mark_of(svg, "good").y, mark_of(svg, "fast").y);
    EXPECT_LT(mark_of(svg, "fast").y, mark_of(svg, "middle").y);
  }
}

TEST(ReportTest, EqualStepsAreEquallyFarApart) {
  const auto xs = [](double a, double b, double c) {
    const std::string svg =
        wide_drawing(report_html(report_of({plan_at("a", a, 0.5), plan_at("b", b, 0.6), plan_at("c", c, 0.7)})), kFrontier);
    return std::vector<double>{mark_of(svg, "a").x, mark_of(svg, "b").x, mark_of(svg, "c").x};
  };
  const std::vector<double> linear = xs(300, 200, 100), logarithmic = xs(10'000, 1'000, 100);
  EXPECT_NEAR(linear[0] - linear[1], linear[1] - linear[2], 0.2);
  EXPECT_NEAR(logarithmic[0] - logarithmic[1], logarithmic[1] - logarithmic[2], 0.2);
}

TEST(ReportTest, WhiskersReachToTheBounds) {
  Plan wide = plan_at("wide", 200, 0.6);
  wide.measured->accuracy = Estimate{0.6, 0.5, 0.7};
  const std::string svg =
      wide_drawing(report_html(report_of({wide, plan_at("at high", 150, 0.7)}, {plan_at("at low", 120, 0.5)})), kFrontier);
  const double x = mark_of(svg, "wide").x;
  const std::string x_text = std::to_string(x).substr(0, std::to_string(x).find('.') + 2);
  const std::string vertical = R"re(line x1=")re" + x_text + R"re(" y1="[-0-9.]+" x2=")re" + x_text + R"re(")re";
  EXPECT_THAT(numbers_of(svg, vertical, "y1"), testing::Contains(testing::DoubleNear(mark_of(svg, "at high").y, 0.11)));
  EXPECT_THAT(numbers_of(svg, vertical, "y2"), testing::Contains(testing::DoubleNear(mark_of(svg, "at low").y, 0.11)));
}

TEST(ReportTest, TheChosenPlanIsRingedAndSaid) {
  ReportInput input = report_of({plan_at("fast", 300, 0.5), plan_at("good", 123, 0.9)});
  input.plans.chosen = "good";
  input.plans.decision = {"accuracy at least 0.8", true, "the fastest that meets it"};
  input.plans.plans[1].measured->held_out_accuracy = Estimate{0.871, 0.8, 0.95};
  const std::string html = report_html(input), svg = wide_drawing(html, kFrontier);
  EXPECT_THAT(numbers_of(svg, "circle[^>]*ring", "cx"), ElementsAre(mark_of(svg, "good").x));
  EXPECT_THAT(numbers_of(svg, "circle[^>]*ring", "cy"), ElementsAre(mark_of(svg, "good").y));
  const std::string answer = html.substr(0, html.find("<h2>"));
  for (const char* words : {"accuracy at least 0.8", "<code>good</code>", "123", "90.0\u00A0%", "85.0–95.0", "87.1\u00A0%",
                            "the fastest that meets it"}) {
    EXPECT_THAT(answer, HasSubstr(words));
  }
  EXPECT_THAT(answer, Not(HasSubstr("banner\"")));
}

TEST(ReportTest, AnswersThatAreNoneAreSaidSo) {
  ReportInput input = report_of({plan_at("fast", 300, 0.5)});
  input.plans.decision = {"accuracy at least 0.8", false, "undecided, needs about 250 more labels"};
  std::string html = report_html(input);
  EXPECT_THAT(html, HasSubstr("<p class=\"banner\"><b>Undecided.</b> Needs about 250 more labels.</p>"));
  EXPECT_THAT(html, HasSubstr("No plan is chosen."));
  EXPECT_TRUE(numbers_of(wide_drawing(html, kFrontier), "circle[^>]*ring", "cx").empty());
  input.plans.decision.reason = "the most accurate plan has 0.5";
  EXPECT_THAT(report_html(input), HasSubstr("<b>Not met.</b> The most accurate plan has 0.5."));
}

TEST(ReportTest, SimulatedFiguresAreLabelled) {
  const char* const kLabel = "<span class=\"pill simulated\">simulated</span>";
  ReportInput input = report_of({plan_at("fast", 300, 0.5)}, {plan_at("slow", 200, 0.4)});
  EXPECT_THAT(report_html(input), Not(HasSubstr(kLabel)));
  input.profile = Profile{};
  input.profile->simulated = true;
  EXPECT_THAT(report_html(input), HasSubstr(kLabel));
  input.profile.reset();
  input.plans.dominated[0].simulated = true;
  const std::string html = report_html(input);
  EXPECT_LT(html.find(kLabel), html.find("<h1>"));
  EXPECT_NE(html.find(kLabel, html.find("<code>slow")), std::string::npos);
}

TEST(ReportTest, PlansThatDidNotRunAreHollow) {
  Plan predicted = predicted_plan("predicted", 0, 200, 0, 0, 0);
  predicted.measured->throughput = {};
  const std::string svg = wide_drawing(report_html(report_of({predicted, plan_at("run", 100, 0.9)})), kFrontier);
  EXPECT_EQ(mark_of(svg, "predicted").css, "hollow");
  EXPECT_EQ(mark_of(svg, "run").css, "solid");
  EXPECT_GT(mark_of(svg, "predicted").x, mark_of(svg, "run").x);
}

TEST(ReportTest, ColoursAreModelsAndMarkersAreRenditions) {
  std::vector<Plan> plans;
  for (const char* model : {"b", "a"}) {
    for (const char* rendition : {"full", "thumb"}) {
      plans.push_back(plan_at(std::string(model) + rendition, 100.0 + 10.0 * static_cast<double>(plans.size()), 0.5));
      plans.back().model_name = model;
      plans.back().rendition = rendition;
    }
  }
  const std::string svg = wide_drawing(report_html(report_of(plans)), kFrontier);
  const auto look_of = [&](const std::string& id) {
    const std::size_t at = svg.find("data-plan=\"" + id + "\""), color = svg.find("--c:", at), path = svg.find("d=\"", at);
    return std::pair{svg.substr(color, svg.find('"', color) - color), svg.substr(path, svg.find("\"/", path) - path)};
  };
  EXPECT_EQ(look_of("afull").first, look_of("athumb").first);
  EXPECT_EQ(look_of("afull").second, look_of("bfull").second);
  EXPECT_NE(look_of("afull").first, look_of("bfull").first);
  EXPECT_NE(look_of("afull").second, look_of("athumb").second);
  // Neither the order of plans nor one plan less changes the looks of the others.
  std::reverse(plans.begin(), plans.end());
  plans.pop_back();
  const std::string fewer = wide_drawing(report_html(report_of(plans)), kFrontier);
  for (const char* id : {"bthumb", "afull", "athumb"}) {
    const std::string here = fewer.substr(fewer.find("data-plan=\"" + std::string(id) + "\""), 150);
    EXPECT_THAT(here, HasSubstr(look_of(id).first)) << id;
  }
}

TEST(ReportTest, ErrorsLeaveOutWhatSetTheOverlap) {
  Plan calibration = predicted_plan("calibration", 100, 900, 900, 900, 900);
  calibration.measured->held_for_calibration = true;
  const std::string section = section_of(report_html(report_of({predicted_plan("a", 100, 110, 200, 50, 400)},
                                                               {predicted_plan("b", 200, 160, 200, 100, 0), calibration})),
                                         kPredictions);
  // Mean absolute error, mean error, worst, its plan, number of plans.
  const auto row = [&](const std::string& name) {
    const std::size_t start = section.find("<b>" + name + "</b>");
    return section.substr(start, section.find("</tr>", start) - start);
  };
  for (const char* words : {"15.0\u00A0%", "−5.0\u00A0%", "−20.0\u00A0%", "<code>b</code>", "<div>2</div>"})
    EXPECT_THAT(row("ours"), HasSubstr(words));
  for (const char* words : {"50.0\u00A0%", "+100.0\u00A0%", "<code>a</code>"}) EXPECT_THAT(row("minimum"), HasSubstr(words));
  EXPECT_THAT(row("sum"), HasSubstr("−50.0\u00A0%"));
  EXPECT_THAT(row("DNN only"), HasSubstr("+300.0\u00A0%"));
  EXPECT_THAT(row("DNN only"), HasSubstr("<div>1</div>"));
  EXPECT_THAT(section, HasSubstr("1 plan set the overlap of our model and is left out"));
  for (const test::Mark& mark : marks_of(section)) EXPECT_EQ(mark.css == "hollow", mark.id == "calibration");
}

TEST(ReportTest, RightPredictionsLieOnTheDiagonal) {
  const std::string svg =
      wide_drawing(report_html(report_of({predicted_plan("a", 300, 300, 0, 0, 0), predicted_plan("high", 200, 260, 0, 0, 0),
                                          predicted_plan("b", 100, 100, 0, 0, 0)})),
                   kPredictions);
  const auto end = [&](const char* name) { return numbers_of(svg, "line[^>]*diagonal", name).at(0); };
  const auto diagonal_at = [&](double x) {
    return end("y1") + (x - end("x1")) / (end("x2") - end("x1")) * (end("y2") - end("y1"));
  };
  for (const char* id : {"a", "b"}) EXPECT_NEAR(mark_of(svg, id).y, diagonal_at(mark_of(svg, id).x), 0.2) << id;
  EXPECT_LT(mark_of(svg, "high").y, diagonal_at(mark_of(svg, "high").x) - 10);
}

TEST(ReportTest, BarsAreAsLongAsTheirStages) {
  ReportInput input = report_of({plan_at("fast", 300, 0.5)});
  input.profile = Profile{};
  input.profile->breakdown = {breakdown("net", 1000, 400, 800), breakdown("net2", 500, 200, 1600)};
  const std::string html = report_html(input), svg = wide_drawing(html, kStages);
  const std::vector<double> widths = numbers_of(svg, "rect", "width");
  ASSERT_EQ(widths.size(), 6U);
  // Up to the hair between neighbours.
  EXPECT_NEAR(widths[1] / widths[0], 0.4, 0.01);
  EXPECT_NEAR(widths[2] / widths[0], 0.8, 0.01);
  EXPECT_NEAR(widths[3] / widths[0], 0.5, 0.01);
  EXPECT_NEAR(widths[5] / widths[0], 1.6, 0.01);
  EXPECT_THAT(section_of(html, kStages), HasSubstr("<em>one</em> thread"));
  // Steps follow each other.
  input.profile->breakdown[0].resize_crop_us = 250;
  const std::string stacked = wide_drawing(report_html(input), kStages);
  const std::vector<double> starts = numbers_of(stacked, "rect", "x"), lengths = numbers_of(stacked, "rect", "width");
  EXPECT_NEAR(starts[1], starts[0] + lengths[0], 1.2);
  EXPECT_NEAR(lengths[1] / lengths[0], 0.25, 0.01);
  EXPECT_EQ(starts[2], starts[0]);  // the fused pipeline begins anew
  EXPECT_EQ(markup_problem(html), "");
}

TEST(ReportTest, PartsAloneStandBesideBothTogether) {
  Plan plan = predicted_plan("plan", 200, 210, 0, 0, 0);
  plan.measured->preprocess_throughput = 700;
  plan.measured->infer_throughput = 400;
  const std::string html = report_html(report_of({plan})), svg = wide_drawing(html, kRates);
  const auto marks = marks_of(svg);  // preprocessing, inference, both
  ASSERT_EQ(marks.size(), 3U);
  EXPECT_GT(marks[0].x, marks[1].x);
  EXPECT_GT(marks[1].x, marks[2].x);
  EXPECT_THAT(svg, HasSubstr("host cores"));
}

TEST(ReportTest, PaperIsPatientWithAnyText) {
  const std::string evil = "</title><script>alert(1)</script>\"'&\x01\xff\xc3(\xed\xa0\x80\xf5é\u2028";
  Plan plan = predicted_plan(evil, 100, 100, 100, 100, 100);
  plan.model = plan.model_name = plan.rendition = plan.fidelity = plan.predicted->bottleneck = evil;
  ReportInput input = report_of({plan}, {plan});
  PlanSet& plans = input.plans;
  plans.machine = plans.smol_version = plans.date = plans.dataset = plans.calibration = plans.held_out = evil;
  plans.accuracy_kind = "agreement with " + evil;
  plans.chosen = evil;
  plans.decision = {evil, false, evil};
  input.findings = {evil};
  input.explanations = {{evil, evil}, {"other" + evil, evil}};
  input.profile = Profile{};
  input.profile->machine = input.profile->source = input.profile->date = evil;
  input.profile->breakdown = {breakdown(evil, 1, 1, 1)};
  input.profile->preprocess = {preprocess(evil, evil, evil)};
  Profile::Inference inference;
  inference.model = inference.backend = inference.device_operators = evil;
  inference.items_per_s = {1};
  input.profile->inference = {inference};
  const std::string html = report_html(input);
  EXPECT_EQ(markup_problem(html), "");
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, HasSubstr("&quot;&#39;&amp;\uFFFD\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\uFFFDé\u2028"));
  for (const char c : html) EXPECT_FALSE(static_cast<unsigned char>(c) < 0x20 && c != '\n');
}

TEST(ReportTest, NothingComesFromElsewhere) {
  ReportInput input = report_of({predicted_plan("a", 100, 110, 200, 50, 400)});
  const std::string html = report_html(input);
  for (const char* words : {"<script", "src=", "href=", "url(", "@import", "<link", "<img"})
    EXPECT_THAT(html, Not(HasSubstr(words)));
  EXPECT_THAT(html, HasSubstr("default-src 'none'"));
}

TEST(ReportTest, OddInputsAreWellFormed) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();
  Plan bare;
  bare.id = "bare";
  std::vector<ReportInput> inputs{report_of({}), report_of({bare}), report_of({plan_at("one", 5, 1)})};
  inputs.push_back(report_of({plan_at("huge", 1e300, 0.5), plan_at("tiny", 1e-300, 0.6)}));
  for (const double odd : {0.0, -1.0, kInfinity, kNan, 1e300, 1e-300}) {
    Plan plan = predicted_plan("odd", odd, odd, odd, odd, odd);
    plan.measured->accuracy = Estimate{odd, odd, odd};
    plan.measured->accuracy_change = Estimate{odd, odd, odd};
    plan.measured->max_difference = odd;
    plan.measured->preprocess_throughput = plan.measured->infer_throughput = odd;
    inputs.push_back(report_of({plan, plan_at("fine", 100, 0.5)}));
    inputs.back().profile = Profile{};
    inputs.back().profile->breakdown = {breakdown("net", odd, odd, 1000), breakdown("net", 5, 0, 0)};
  }
  for (const ReportInput& input : inputs) {
    const std::string html = report_html(input);
    EXPECT_EQ(markup_problem(html), "");
    // No number in the drawings that is none.
    EXPECT_FALSE(std::regex_search(html, std::regex(R"re([" (HV-](nan|inf)[" )HVL])re")));
  }
}

TEST(ReportTest, WithoutAccuraciesThroughputsAreRows) {
  ReportInput input = report_of({plan_at("fast", 300, 0), plan_at("slow", 200, 0)});
  for (Plan& plan : input.plans.plans) plan.measured->accuracy.reset();
  const std::string html = report_html(input), svg = wide_drawing(html, kFrontier);
  EXPECT_GT(mark_of(svg, "fast").x, mark_of(svg, "slow").x);
  EXPECT_LT(mark_of(svg, "fast").y, mark_of(svg, "slow").y);
  EXPECT_THAT(section_of(html, kFrontier), HasSubstr("No plan's accuracy is known"));
  // One that has none among others that have is left out, and that is told.
  input.plans.plans[0].measured->accuracy = Estimate{0.5, 0.4, 0.6};
  const std::string partly = section_of(report_html(input), kFrontier);
  EXPECT_THAT(partly, HasSubstr("Not drawn, for want of an accuracy or a throughput: 1 plan."));
  // So is one whose accuracy is none.
  input.plans.plans[1].measured->accuracy = Estimate{5, 4, 6};
  EXPECT_THAT(section_of(report_html(input), kFrontier), HasSubstr("or a throughput: 1 plan."));
}

TEST(ReportTest, AHundredPlans) {
  std::vector<Plan> plans, dominated;
  for (int i = 0; i < 50; ++i) {
    plans.push_back(plan_at("frontier" + std::to_string(i), 1000 - 10 * i, 0.3 + 0.01 * i));
    dominated.push_back(plan_at("other" + std::to_string(i), 400 - i, 0.2));
    plans.back().model_name = "net" + std::to_string(i % 20);
    plans.back().rendition = "rendition" + std::to_string(i % 11);
    plans.back().measured->infer_throughput = 2000;
  }
  const std::string html = report_html(report_of(plans, dominated));
  EXPECT_EQ(markup_problem(html), "");
  EXPECT_EQ(marks_of(wide_drawing(html, kFrontier)).size(), 100U);
  for (const Plan& plan : plans) EXPECT_THAT(html, HasSubstr("<code>" + plan.id + "</code>"));
  EXPECT_THAT(section_of(html, kRates), HasSubstr("The first 40 are drawn; the tables have all 50."));
}

TEST(ReportTest, PipelinesFindingsAndAccounts) {
  ReportInput input = report_of({plan_at("fast", 300, 0.5), plan_at("good", 200, 0.6)});
  input.plans.plans[0].pipeline.label = FidelityLabel::kLossy;
  input.plans.plans[1].model.clear();  // made from a profile
  EXPECT_EQ(section_of(report_html(input), "Findings"), "");
  input.findings = {"first & foremost", "second"};
  input.explanations = {{"fast", "12 forms\n  pruned by dominance"}, {"elsewhere", "an account"}};
  const std::string html = report_html(input), rules = section_of(html, "Pipelines and rules");
  EXPECT_THAT(section_of(html, "Findings"), HasSubstr("<li>first &amp; foremost</li>\n<li>second</li>"));
  EXPECT_THAT(rules, HasSubstr("decode(scale=1/1"));
  EXPECT_THAT(rules, HasSubstr("label lossy"));
  const std::size_t account = rules.find("12 forms\n  pruned by dominance");
  EXPECT_GT(account, rules.find("<code>fast</code>"));
  EXPECT_LT(account, rules.find("<code>good</code>"));
  EXPECT_THAT(rules, HasSubstr("an account"));
  EXPECT_THAT(rules, HasSubstr("Planned from a profile that does not say."));
  input.profile = Profile{};
  input.profile->preprocess = {preprocess("full", "", "decode(as the profile says)\n")};
  EXPECT_THAT(section_of(report_html(input), "Pipelines and rules"), HasSubstr("decode(as the profile says)"));
}

TEST(ReportTest, MachineAndMethod) {
  ReportInput input = report_of({plan_at("fast", 300, 0.5)});
  input.plans.machine = "a machine";
  input.plans.calibration = "60 of 400 items";
  input.plans.held_out = "the other 340";
  input.plans.planning_seconds = 83.4;
  input.plans.overlap_exponent = 1.31;
  input.profile = Profile{};
  input.profile->cores = 6;
  input.profile->overlap_exponents = {1.25, 1.375};
  const std::string html = section_of(report_html(input), "Machine and method");
  for (const char* words :
       {"a machine", "60 of 400 items", "the other 340", "83.4 s", "p = 1.31", "1.25, 1.38", "<dd>6</dd>"})
    EXPECT_THAT(html, HasSubstr(words));
}

}  // namespace
}  // namespace smol
