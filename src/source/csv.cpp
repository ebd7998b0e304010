#include "source/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "smol/source.h"

namespace smol {
namespace {

// Splits one record starting at `position`, which moves behind its line end. Quoted cells may hold commas and line ends.
std::vector<std::string> split_record(std::string_view text, std::size_t& position) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  while (position < text.size()) {
    const char c = text[position++];
    if (quoted) {
      if (c != '"') {
        cells.back() += c;
      } else if (position < text.size() && text[position] == '"') {
        cells.back() += '"';
        ++position;
      } else {
        quoted = false;
      }
    } else if (c == '"') {
      quoted = true;
    } else if (c == ',') {
      cells.emplace_back();
    } else if (c == '\n') {
      break;
    } else if (c != '\r') {
      cells.back() += c;
    }
  }
  return cells;
}

}  // namespace

int CsvTable::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

Result<CsvTable> read_csv(const std::string& path) {
  std::vector<std::uint8_t> bytes;
  SMOL_RETURN_IF_ERROR(read_file(path, bytes));
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  CsvTable table;
  std::size_t position = 0;
  table.columns = split_record(text, position);
  int line = 1;
  std::size_t counted = 0;
  while (position < text.size()) {
    line += static_cast<int>(std::count(text.begin() + counted, text.begin() + position, '\n'));
    counted = position;
    std::vector<std::string> cells = split_record(text, position);
    if (cells.size() == 1 && cells.front().empty()) continue;
    if (cells.size() != table.columns.size()) {
      return Error{ErrorCode::kInvalidArgument, fmt::format("line {} has {} cells, the header has {}: {}", line,
                                                            cells.size(), table.columns.size(), path)};
    }
    table.rows.push_back(std::move(cells));
    table.lines.push_back(line);
  }
  return table;
}

}  // namespace smol
