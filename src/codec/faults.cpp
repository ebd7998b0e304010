#include "codec/faults.h"

namespace smol {

Status Faults::note(Fault fault, std::string_view what) {
  ++warnings_;
  recovered_ = recovered_ || fault != Fault::kHarmless;
  const FailOn least = fault == Fault::kFatal       ? FailOn::kTruncated
                       : fault == Fault::kRecovered ? FailOn::kError
                                                    : FailOn::kWarning;
  return fail_on_ >= least ? Status(corrupt_error(format_, what)) : Status();
}

Error corrupt_error(std::string_view format, std::string_view what) {
  return Error{ErrorCode::kCorrupt, std::string(format) + " is corrupt: " + std::string(what), Stage::kDecode};
}

Error header_truncated_error(std::string_view format) {
  return Error{ErrorCode::kTruncated, std::string(format) + " ends inside its header; fetch or copy the file again",
               Stage::kDecode};
}

}  // namespace smol
