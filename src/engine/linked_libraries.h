#pragma once
#include <string>
#include <vector>

namespace smol {

/// A library of others in this build; what is not named here is the C and C++ run-time.
struct LinkedLibrary {
  std::string name, version;
  std::string licence;  ///< as THIRD_PARTY.md has it
  bool gpl = false;
};

/// Those that libsmol links, header-only ones among them, and those of the codec plug-ins. Back-ends describe their own.
[[nodiscard]] std::vector<LinkedLibrary> linked_libraries();

}  // namespace smol
