#include "base/unknown_word.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace smol {
namespace {

/// How many letters must be inserted, removed, replaced or swapped with their neighbour.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last.back();
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::span<const std::string> allowed) {
  std::string_view nearest;
  std::size_t least = word.size() / 3 + 1;  // more than that is another word
  for (const std::string& candidate : allowed) {
    if (const std::size_t letters = distance(word, candidate); letters <= least && letters < word.size()) {
      nearest = candidate;
      least = letters == 0 ? 0 : letters - 1;
    }
  }
  return nearest;
}

std::string unknown_word(std::string_view what, std::string_view word, std::span<const std::string> allowed) {
  const std::string_view nearest = nearest_word(word, allowed);
  return fmt::format("unknown {} '{}'{} Allowed: {}", what, word,
                     nearest.empty() ? "." : fmt::format(", did you mean '{}'?", nearest), fmt::join(allowed, ", "));
}

}  // namespace smol
