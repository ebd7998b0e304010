#include "smol/backend.h"

namespace smol {

BackendRegistry built_in_backends() { return {}; }

}  // namespace smol
