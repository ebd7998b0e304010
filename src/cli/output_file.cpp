#include "cli/output_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "backend/model_file.h"

namespace smol::cli {

Status check_extension(const std::string& path, std::span<const std::string_view> allowed) {
  if (std::find(allowed.begin(), allowed.end(), extension_of(path)) != allowed.end()) return {};
  return Error{ErrorCode::kInvalidArgument,
               fmt::format("the output's name must end in {}{}: {}", allowed.size() > 1 ? "one of " : "",
                           fmt::join(allowed, ", "), path)};
}

Status write_file(const std::string& path, std::initializer_list<std::string_view> parts) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  bool written = file != nullptr;
  for (const std::string_view part : parts) {
    written = written && std::fwrite(part.data(), 1, part.size(), file) == part.size();
  }
  int reason = errno;
  if (file != nullptr && std::fclose(file) != 0 && written) {
    reason = errno;
    written = false;
  }
  if (written) return {};
  return Error{ErrorCode::kIo, fmt::format("cannot write file ({}): {}", std::strerror(reason), path), Stage::kWrite};
}

std::string_view status_of(const DecodeReport& report) {
  return report.truncated ? "truncated" : report.recovered ? "recovered" : "ok";
}

}  // namespace smol::cli
