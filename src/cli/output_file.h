#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "smol/codec.h"
#include "smol/result.h"

namespace smol::cli {

/// Whether the path ends in one of the extensions (".npy"), in upper or lower case. kInvalidArgument lists them.
[[nodiscard]] Status check_extension(const std::string& path, std::span<const std::string_view> allowed);

/// Replaces a file by the parts, one after the other. kIo with the system's reason.
[[nodiscard]] Status write_file(const std::string& path, std::initializer_list<std::string_view> parts);

/// What became of the picture that was written, in one word: "ok", "recovered" (errors were papered over), "truncated".
[[nodiscard]] std::string_view status_of(const DecodeReport& report);

}  // namespace smol::cli
