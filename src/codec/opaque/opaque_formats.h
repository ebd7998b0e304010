#pragma once

#include <span>
#include <string_view>

#include "smol/codec.h"

namespace smol {

/// A format that a large library reads in a process of its own. These facts are known without the library.
struct OpaqueFormat {
  std::string_view name;           ///< of the codec and in its plug-in's file name
  std::string_view library;        ///< as pkg-config calls it
  std::string_view build_package;  ///< Debian's package to build with; it brings the one to run with
  bool is_built = false;
  bool (*sniff)(ByteView) = nullptr;
  CodecCapabilities capabilities;
};

/// In the order in which bytes are offered to them.
[[nodiscard]] std::span<const OpaqueFormat> opaque_formats();
[[nodiscard]] const OpaqueFormat* find_opaque_format(std::string_view name);

/// Registers those of this build whose plug-ins can be loaded, and says of the others why not. Asks once a process.
void add_opaque_codecs(CodecRegistry& registry);

}  // namespace smol
