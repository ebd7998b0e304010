#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "smol/result.h"

namespace smol {

/// A comma-separated file with a header line; quotes as in RFC 4180.
struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  ///< as many cells as columns
  std::vector<int> lines;                      ///< parallel to rows: the line of the file on which each begins

  /// Index of a column, -1 when absent.
  [[nodiscard]] int column(std::string_view name) const;
};
/// kNotFound, kIo; kInvalidArgument names the line whose number of cells differs from the header's.
[[nodiscard]] Result<CsvTable> read_csv(const std::string& path);

}  // namespace smol
