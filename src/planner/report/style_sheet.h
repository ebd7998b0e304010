#pragma once

namespace smol::report {

/// Free of what XML would read as markup (<, &).
extern const char* const kStyleSheet;

}  // namespace smol::report
