#pragma once

#include "codec/bmp_header.h"
#include "codec/faults.h"

namespace smol {

/// Unpacks run-length coded pixels to indices, rows as stored (mostly from the bottom). Pixels that the data skip are 0.
/// Returns the rows that were reached, all of them where an end marker was. Notes runs that leave their row.
Result<int> unpack_bmp_runs(ByteView bytes, const BmpHeader& bmp, const std::stop_token& stop, Faults& faults,
                            std::uint8_t* indices);

}  // namespace smol
