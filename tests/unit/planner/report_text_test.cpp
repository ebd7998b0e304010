#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "planner/report/html_text.h"
#include "planner/report/svg_chart.h"

namespace smol::report {
namespace {

TEST(HtmlTextTest, WhatIsNoUtf8IsReplacedByteByByte) {
  EXPECT_EQ(escape("a<b>&\"'\n\té€𝄞"), "a&lt;b&gt;&amp;&quot;&#39;\n\té€𝄞");
  EXPECT_EQ(escape("\x80x"), "\uFFFDx");                                              // continuation alone
  EXPECT_EQ(escape("\xC0\xAF"), "\uFFFD\uFFFD");                                      // overlong
  EXPECT_EQ(escape("\xE2\x82"), "\uFFFD\uFFFD");                                      // cut off
  EXPECT_EQ(escape("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");                            // surrogate
  EXPECT_EQ(escape("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");                  // beyond Unicode
  EXPECT_EQ(escape("\xEF\xBF\xBE\x7F").substr(0, 9), "\uFFFD\uFFFD\uFFFD");           // XML has no U+FFFE
  EXPECT_EQ(escape(std::string_view("\0\x1b", 2)), "\uFFFD\uFFFD");                   // controls
  EXPECT_EQ(escape("\xF4\x8F\xBF\xBD\xEE\x80\x80"), "\xF4\x8F\xBF\xBD\xEE\x80\x80");  // the last ones that are allowed
}

TEST(HtmlTextTest, FiguresHaveThreeDigits) {
  EXPECT_EQ(rate_text(12'600.4), "12,600");
  EXPECT_EQ(rate_text(1'234'567), "1,234,567");
  EXPECT_EQ(rate_text(999.96), "1,000");
  EXPECT_EQ(rate_text(99.96), "100");
  EXPECT_EQ(rate_text(99.94), "99.9");
  EXPECT_EQ(rate_text(3.14159), "3.14");
  EXPECT_EQ(rate_text(0), kNoFigure);
  EXPECT_EQ(amount_text(0), "0");
  EXPECT_EQ(amount_text(-1234), "-1,234");
  EXPECT_EQ(signed_hundredths(0.0321), "+3.2");
  EXPECT_EQ(signed_hundredths(-0.0001), "0.0");
  EXPECT_EQ(round_text(0.25), "0.25");
  EXPECT_EQ(round_text(1000), "1,000");
}

TEST(HtmlTextTest, LabelsAreCutBetweenCharacters) {
  EXPECT_EQ(shortened("ééé", 3), "ééé");
  EXPECT_EQ(shortened("éééé", 3), "éé…");
  EXPECT_EQ(shortened("abéé", 3, true), "…éé");
}

TEST(HtmlTextTest, ColumnsWithoutFiguresAreLeftOut) {
  Table table("t", {{"first"}, {"empty"}, {"last"}});
  table.add_row({"a", kNoFigure, kNoFigure});
  table.add_row({"b", kNoFigure, "c"});
  const std::string html = table.html();
  EXPECT_EQ(html.find("empty"), std::string::npos);
  EXPECT_NE(html.find("last"), std::string::npos);
}

TEST(ScaleTest, TicksAreRoundRisingAndInside) {
  for (const std::vector<double>& values :
       std::vector<std::vector<double>>{{0.31, 0.97}, {120, 380}, {1, 1e6}, {5, 5}, {0, 0}, {0.5, 700}, {-3, 4}, {}}) {
    for (const int max_ticks : {2, 5, 12}) {
      const Scale scale = Scale::over(values, {10, 500, max_ticks});
      EXPECT_GE(scale.ticks().size(), 1U);
      EXPECT_LE(scale.ticks().size(), static_cast<std::size_t>(max_ticks));
      for (std::size_t i = 0; i < scale.ticks().size(); ++i) {
        EXPECT_GE(scale.at(scale.ticks()[i]), 10 - 1e-6);
        EXPECT_LE(scale.at(scale.ticks()[i]), 500 + 1e-6);
      }
      EXPECT_TRUE(std::is_sorted(scale.ticks().begin(), scale.ticks().end()));
      for (const double value : values) {
        EXPECT_GE(scale.at(value), 10);
        EXPECT_LE(scale.at(value), 500);
      }
    }
  }
}

TEST(ScaleTest, WideRangesAreLogarithmic) {
  EXPECT_FALSE(Scale::over({100, 790}, {0, 1}).logarithmic());
  EXPECT_TRUE(Scale::over({100, 810}, {0, 1}).logarithmic());
  EXPECT_FALSE(Scale::over({0, 810}, {0, 1}).logarithmic());
  EXPECT_FALSE(Scale::over({100, 810}, {0, 1}, true).logarithmic());
}

TEST(ScaleTest, UpwardScalesRunFromBeginToEnd) {
  const Scale scale = Scale::over({0, 1}, {300, 20, 8, false, 0, 1});
  EXPECT_DOUBLE_EQ(scale.at(0), 300);
  EXPECT_DOUBLE_EQ(scale.at(1), 20);
}

}  // namespace
}  // namespace smol::report
