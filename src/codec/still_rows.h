#pragma once
/// What decoders of still pictures share: the checks of a request, and rows handed to the consumer in groups.

#include <string_view>

#include "codec/faults.h"
#include "codec/grow_only_buffer.h"
#include "smol/codec.h"

namespace smol {

/// Refuses what cannot or must not be decoded: kInvalidArgument, kUnsupported, kLimitExceeded. Returns the part of the
/// picture that is wanted, clipped to it. `format` as messages call it ("BMP").
[[nodiscard]] Result<Rect> check_request(std::string_view format, const ImageHeader& header, const DecodeRequest& request);

/// The whole rows that hold `part`.
[[nodiscard]] inline Rect whole_rows(const Rect& part, const ImageHeader& header) {
  return {0, part.y, header.width, part.height};
}

[[nodiscard]] Error cancelled_error();

/// What became of a row.
enum class RowState : std::uint8_t {
  kComplete,
  kTruncated,  ///< the data end before it
  kCorrupt,    ///< broken data
};

/// Where rows come from. Rows that are not complete are filled in by the caller.
class StillRows {
 public:
  virtual ~StillRows() = default;
  /// Writes row `y` (ascending, of the delivered rectangle) in the requested format. May write 64 bytes past its end. One
  /// that takes long looks at the stop token and returns any other state than kComplete.
  virtual RowState write_row(int y, std::uint8_t* out) = 0;
  /// What was wrong, for the message.
  [[nodiscard]] virtual std::string_view fault() const { return "broken pixel data"; }
};

/// Hands the rows of `delivered` to the consumer. `buffer` holds a group of them.
[[nodiscard]] Result<DecodeReport> deliver_rows(StillRows& source, const Rect& delivered, Size size,
                                                const DecodeRequest& request, const Faults& faults, GrowOnlyBuffer& buffer,
                                                RowConsumer& consumer);

}  // namespace smol
