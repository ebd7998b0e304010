#include "planner/report/html_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace smol::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the UTF-8 sequence at the start of `text` when it encodes a character that XML 1.0 allows, else 0.
std::size_t sequence_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\t' || first == '\n' ? 1 : 0;
  const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < length) return 0;
  std::uint32_t code = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
    code = code << 6U | (byte(i) & 0x3FU);
  }
  const bool too_long = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool control = code < 0xA0, surrogate = code >= 0xD800 && code <= 0xDFFF, beyond = code > 0x10FFFF;
  const bool not_a_character = (code & 0xFFFEU) == 0xFFFEU;
  return too_long || control || surrogate || beyond || not_a_character ? 0 : length;
}

void append_escaped(std::string& out, std::string_view character) {
  switch (character.front()) {
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '&':
      out += "&amp;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      out += character;
  }
}

// Calls `visit` with each character, U+FFFD standing for what is none.
template <typename Visit>
void for_each_character(std::string_view text, Visit visit) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    visit(length > 0 ? text.substr(0, length) : kReplacement);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

std::string with_separators(std::string_view digits) {
  const std::size_t point = std::min(digits.find('.'), digits.size());
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const bool between_digits = i > 0 && i < point && digits[i - 1] != '-';
    if (between_digits && (point - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

// What can be told in hundredths without pages of digits.
bool is_sensible(double fraction) { return std::abs(fraction) < 1e6; }

bool is_point(const Estimate& estimate) { return estimate.low == estimate.value && estimate.high == estimate.value; }

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  for_each_character(text, [&](std::string_view character) { append_escaped(out, character); });
  return out;
}

std::string breakable(std::string_view id) {
  std::string out;
  for_each_character(id, [&](std::string_view character) {
    append_escaped(out, character);
    if (character == "/" || character == "_") out += "<wbr/>";
  });
  return out;
}

std::size_t num_characters(std::string_view text) {
  std::size_t count = 0;
  for_each_character(text, [&](std::string_view /*character*/) { ++count; });
  return count;
}

std::string shortened(std::string_view text, std::size_t limit, bool keep_end) {
  const std::size_t count = num_characters(text);
  if (count <= limit) return std::string(text);
  const std::size_t kept = std::max<std::size_t>(limit, 1) - 1, first = keep_end ? count - kept : 0;
  std::string out = keep_end ? "…" : "";
  std::size_t i = 0;
  for_each_character(text, [&](std::string_view character) {
    if (i >= first && i < first + kept) out += character;
    ++i;
  });
  return keep_end ? out : out + "…";
}

std::string amount_text(double value) {
  if (!std::isfinite(value)) return kNoFigure;
  if (value == 0) return "0";
  // Of a million as of a thousand all digits before the point are shown; rounding decides how many there are.
  const double size = std::abs(value);
  if (size < 1e-4 || size >= 1e12) return fmt::format("{:.2e}", value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : size >= 0.9995 ? 2 : 3;
  return with_separators(fmt::format("{:.{}f}", value, decimals));
}

std::string rate_text(double items_per_s) { return items_per_s > 0 ? amount_text(items_per_s) : kNoFigure; }

std::string round_text(double value) {
  const double size = std::abs(value);
  if (size != 0 && (size < 1e-4 || size >= 1e12)) return fmt::format("{:g}", value);
  std::string digits = fmt::format("{:.6f}", value);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return with_separators(digits);
}

std::string percent_text(double fraction) {
  return is_sensible(fraction) ? fmt::format("{:.1f}\u00A0%", 100 * fraction) : kNoFigure;
}

std::string percent_interval(const Estimate& estimate) {
  if (is_point(estimate) || !is_sensible(estimate.low) || !is_sensible(estimate.high)) return "";
  return fmt::format("{:.1f}–{:.1f}\u00A0%", 100 * estimate.low, 100 * estimate.high);
}

std::string rate_interval(const Estimate& estimate) {
  return is_point(estimate) ? "" : fmt::format("{}–{}", rate_text(estimate.low), rate_text(estimate.high));
}

std::string signed_hundredths(double fraction) {
  if (!is_sensible(fraction)) return kNoFigure;
  std::string digits = fmt::format("{:.1f}", 100 * std::abs(fraction));
  if (digits == "0.0") return digits;
  return (fraction < 0 ? "−" : "+") + with_separators(digits);
}

std::string as_sentence(std::string_view text) {
  std::string out(text);
  if (out.empty()) return out;
  if (out.front() >= 'a' && out.front() <= 'z') out.front() = static_cast<char>(out.front() - 'a' + 'A');
  return out.back() == '.' || out.back() == '!' || out.back() == '?' ? out : out + ".";
}

std::string counted(std::size_t number, std::string_view noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

std::string two_lines(const std::string& value, const std::string& below) {
  if (below.empty()) return value;
  return fmt::format("{}<span class=\"below\">{}</span>", value, below);
}

void Table::add_row(std::vector<std::string> cells, std::string_view css) {
  rows_.push_back({std::move(cells), std::string(css)});
}

std::string Table::html() const {
  std::vector<std::size_t> shown;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) { return row.cells[i] != kNoFigure; }))
      shown.push_back(i);
  }
  std::string head, body;
  for (const std::size_t i : shown) {
    const Column& column = columns_[i];
    const std::string hint = column.hint.empty() ? "" : fmt::format(" title=\"{}\"", escape(column.hint));
    head +=
        fmt::format("<th scope=\"col\"{}{}>{}</th>", column.numeric ? " class=\"number\"" : "", hint, escape(column.title));
  }
  for (const Row& row : rows_) {
    body += row.css.empty() ? "<tr>" : fmt::format("<tr class=\"{}\">", row.css);
    for (const std::size_t i : shown) {
      body += fmt::format("<td class=\"{}{}\" data-label=\"{}\"><div>{}</div></td>", columns_[i].numeric ? "number" : "text",
                          row.cells[i] == kNoFigure ? " none" : "", escape(columns_[i].title), row.cells[i]);
    }
    body += "</tr>\n";
  }
  return fmt::format(
      "<div class=\"scroll\"><table aria-label=\"{}\">\n<thead><tr>{}</tr></thead>\n<tbody>\n{}</tbody>\n"
      "</table></div>\n",
      escape(label_), head, body);
}

}  // namespace smol::report
