#pragma once
/// Text of the report: escaping, figures in words, tables. All markup is well-formed XML, too.

#include <string>
#include <string_view>
#include <vector>

#include "smol/plan.h"

namespace smol::report {

/// Text as content or attribute value. What is no UTF-8, and what XML cannot hold, becomes U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);
/// escape() with places after / and _ where a line may break.
[[nodiscard]] std::string breakable(std::string_view id);
/// Characters of UTF-8; for widths of labels.
[[nodiscard]] std::size_t num_characters(std::string_view text);
/// The first characters with an ellipsis where there are more than `limit`; `keep_end` keeps the last instead. For labels.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit, bool keep_end = false);

inline constexpr const char* kNoFigure = "–";
/// Three significant digits, thousands separated: "12,600", "357", "35.7"; kNoFigure for 0 and what is not finite.
[[nodiscard]] std::string rate_text(double items_per_s);
/// As rate_text(), 0 being 0.
[[nodiscard]] std::string amount_text(double value);
/// A round value as it is, thousands separated: "0.5", "20", "1,000". For ticks.
[[nodiscard]] std::string round_text(double value);
/// "76.6 %" of 0.766.
[[nodiscard]] std::string percent_text(double fraction);
/// "64.9–85.3 %"; empty where low and high are the value.
[[nodiscard]] std::string percent_interval(const Estimate& estimate);
/// "356–361"; empty where low and high are the value.
[[nodiscard]] std::string rate_interval(const Estimate& estimate);
/// "+3.2" of 0.032, with a sign that is as wide as a digit.
[[nodiscard]] std::string signed_hundredths(double fraction);
/// With a capital letter and a full stop.
[[nodiscard]] std::string as_sentence(std::string_view text);
/// "1 plan", "2 plans".
[[nodiscard]] std::string counted(std::size_t number, std::string_view noun);

/// A value with a smaller line below; either may be empty. HTML of escaped text.
[[nodiscard]] std::string two_lines(const std::string& value, const std::string& below);

/// A table whose rows become cards on narrow screens. Cells are HTML. Columns in which no row has a figure are left out.
class Table {
 public:
  struct Column {
    std::string title;
    bool numeric = false;
    std::string hint = {};  ///< shown on pointing at the title
  };
  Table(std::string label, std::vector<Column> columns) : label_(std::move(label)), columns_(std::move(columns)) {}
  /// `css` are classes of the row; as many cells as columns.
  void add_row(std::vector<std::string> cells, std::string_view css = {});
  [[nodiscard]] std::string html() const;

 private:
  std::string label_;
  std::vector<Column> columns_;
  struct Row {
    std::vector<std::string> cells;
    std::string css;
  };
  std::vector<Row> rows_;
};

}  // namespace smol::report
