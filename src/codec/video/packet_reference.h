#pragma once
#include <cstdint>

#include "smol/codec.h"

namespace smol {

/// Tells from a packet's first bytes, without decoding it, whether other frames may depend on its frame.
class PacketReference {
 public:
  /// How pictures are told apart; of other codecs nothing is known.
  enum class Syntax : std::uint8_t { kUnknown, kH264, kHevc, kMpeg2, kMpeg4 };

  /// `configuration`: what the container holds beside the packets ("avcC", "hvcC"), perhaps nothing.
  PacketReference(Syntax syntax, ByteView configuration);
  /// True where it is not known.
  [[nodiscard]] bool may_be_reference(ByteView packet) const;

 private:
  Syntax syntax_;
  int length_bytes_ = 0;  ///< before each unit; 0: units begin with start codes
};

}  // namespace smol
