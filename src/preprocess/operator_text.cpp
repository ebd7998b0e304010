#include "preprocess/operator_text.h"

#include <charconv>

namespace smol {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t' || text.front() == '\r')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// Reads a whole number or float; false when anything is left over.
template <typename Number>
bool read_number(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

/// Splits off the text before the next comma that is outside brackets.
std::string_view take_argument(std::string_view& rest) {
  int depth = 0;
  std::size_t i = 0;
  for (; i < rest.size(); ++i) {
    if (rest[i] == '[') ++depth;
    if (rest[i] == ']') --depth;
    if (rest[i] == ',' && depth == 0) break;
  }
  const std::string_view argument = trimmed(rest.substr(0, i));
  rest = i < rest.size() ? rest.substr(i + 1) : std::string_view{};
  return argument;
}

}  // namespace

std::string shortest_text(float value) {
  std::array<char, 32> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return std::string(buffer.data(), result.ptr);
}

Result<CallText> parse_call(std::string_view text) {
  text = trimmed(text);
  const std::size_t open = text.find('(');
  if (open == std::string_view::npos || text.back() != ')') {
    return Error{ErrorCode::kInvalidArgument, "expected name(arguments): " + std::string(text)};
  }
  CallText call{trimmed(text.substr(0, open)), {}};
  std::string_view rest = trimmed(text.substr(open + 1, text.size() - open - 2));
  while (!rest.empty()) {
    const std::string_view argument = take_argument(rest);
    const std::size_t equals = argument.find('=');
    if (argument.empty() || equals == 0) {
      return Error{ErrorCode::kInvalidArgument, "empty argument in: " + std::string(text)};
    }
    if (equals == std::string_view::npos) {
      call.arguments.push_back({{}, argument});
    } else {
      call.arguments.push_back({trimmed(argument.substr(0, equals)), trimmed(argument.substr(equals + 1))});
    }
  }
  return call;
}

bool ArgumentReader::has(std::string_view key) const {
  for (const auto& argument : call_.arguments) {
    if (argument.key == key) return true;
  }
  return false;
}

std::string_view ArgumentReader::text(std::string_view key, std::string_view fallback) {
  for (std::size_t i = 0; i < call_.arguments.size(); ++i) {
    if (call_.arguments[i].key == key && !used_[i]) {
      used_[i] = true;
      return call_.arguments[i].value;
    }
  }
  return fallback;
}

void ArgumentReader::fail(std::string_view key, std::string_view value, std::string_view allowed) {
  if (!status_) return;
  status_ = Error{ErrorCode::kInvalidArgument, std::string(call_.name) + ": " + std::string(key) + " must be " +
                                                   std::string(allowed) + ": " + std::string(value)};
}

int ArgumentReader::integer(std::string_view key, int fallback) {
  if (!has(key)) return fallback;
  const std::string_view value = text(key);
  int number = fallback;
  if (!read_number(value, number)) fail(key, value, "a whole number");
  return number;
}

bool ArgumentReader::boolean(std::string_view key, bool fallback) {
  if (!has(key)) return fallback;
  const std::string_view value = text(key);
  if (value != "true" && value != "false") fail(key, value, "true or false");
  return value == "true";
}

Size ArgumentReader::size(std::string_view key) {
  const std::string_view value = text(key);
  const std::size_t cross = value.find('x');
  Size size;
  if (cross == std::string_view::npos || !read_number(value.substr(0, cross), size.width) ||
      !read_number(value.substr(cross + 1), size.height)) {
    fail(key, value, "WIDTHxHEIGHT");
  }
  return size;
}

std::array<float, 3> ArgumentReader::triple(std::string_view key, float fallback) {
  std::array<float, 3> numbers{fallback, fallback, fallback};
  if (!has(key)) return numbers;
  const std::string_view value = text(key);
  if (value.empty() || value.front() != '[') {
    if (!read_number(value, numbers[0])) fail(key, value, "a number or [r,g,b]");
    numbers[1] = numbers[2] = numbers[0];
    return numbers;
  }
  bool good = value.back() == ']';
  std::string_view rest = good ? value.substr(1, value.size() - 2) : std::string_view{};
  for (float& number : numbers) good = good && read_number(take_argument(rest), number);
  if (!good || !rest.empty()) fail(key, value, "a number or [r,g,b]");
  return numbers;
}

Status ArgumentReader::finish() const {
  SMOL_RETURN_IF_ERROR(Status(status_));
  for (std::size_t i = 0; i < used_.size(); ++i) {
    if (used_[i]) continue;
    const auto& argument = call_.arguments[i];
    return Error{ErrorCode::kInvalidArgument, std::string(call_.name) + ": unknown or repeated argument: " +
                                                  std::string(argument.key.empty() ? argument.value : argument.key)};
  }
  return {};
}

}  // namespace smol
