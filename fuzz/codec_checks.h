#pragma once
/// What must hold for any bytes whatever: shared by the libFuzzer targets and the mutation driver.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "smol/codec.h"

namespace smol::fuzzing {

/// Decoders are kept from call to call, as workers keep them: state that leaks from one picture into the next shows.
class CodecChecks {
 public:
  CodecChecks();

  /// Probes and decodes with the request that `choices` selects. Returns what was violated; empty when all is well.
  [[nodiscard]] std::string decode(ByteView bytes, std::uint32_t choices);
  /// A picture that decodes without a warning must give the same pixels when decoded in parts.
  [[nodiscard]] std::string regions(ByteView bytes, std::uint32_t choices);

  /// Pictures that decoded so far, to see that mutations do not all end in the header.
  [[nodiscard]] int num_decoded() const { return num_decoded_; }

 private:
  Decoder* decoder_of(ByteView bytes, const Codec*& codec);

  CodecRegistry registry_ = built_in_codecs();
  std::map<std::string_view, std::unique_ptr<Decoder>> decoders_;
  int num_decoded_ = 0;
};

/// A changed copy of `bytes`: flipped bits, overwritten, removed, repeated or inserted runs, cuts. Deterministic in `seed`.
[[nodiscard]] std::vector<std::uint8_t> mutate(ByteView bytes, std::uint32_t seed);

}  // namespace smol::fuzzing
