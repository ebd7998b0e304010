#include "codec/video/packet_reference.h"

#include <algorithm>
#include <optional>

namespace smol {
namespace {

using Syntax = PacketReference::Syntax;

/// The unit that begins with `unit` is a picture's: whether others may depend on it. Empty: it is something else.
std::optional<bool> reference_of(Syntax syntax, ByteView unit) {
  const auto at = [&](std::size_t i) { return i < unit.size() ? unit[i] : std::uint8_t{0}; };
  switch (syntax) {
    case Syntax::kH264: {  // nal_unit_type 1 to 5: slices
      const int type = at(0) & 31;
      if (type < 1 || type > 5) return std::nullopt;
      return (at(0) >> 5 & 3) != 0;
    }
    case Syntax::kHevc: {  // below 16, even types are not referred to within their layer
      const int type = at(0) >> 1 & 63;
      if (type > 31) return std::nullopt;
      return type >= 16 || type % 2 == 1;
    }
    case Syntax::kMpeg2:  // picture_header: ten bits of order, three of the coding type
      if (at(0) != 0x00) return std::nullopt;
      return (at(2) >> 3 & 7) != 3;
    case Syntax::kMpeg4:  // VideoObjectPlane: two bits of the coding type
      if (at(0) != 0xB6) return std::nullopt;
      return at(1) >> 6 != 2;
    case Syntax::kUnknown:
      break;
  }
  return std::nullopt;
}

/// Where the byte after the next 00 00 01 lies; the end where there is none.
std::size_t after_start_code(ByteView packet, std::size_t from) {
  for (std::size_t i = from; i + 3 < packet.size(); ++i) {
    if (packet[i] == 0 && packet[i + 1] == 0 && packet[i + 2] == 1) return i + 3;
  }
  return packet.size();
}

}  // namespace

PacketReference::PacketReference(Syntax syntax, ByteView configuration) : syntax_(syntax) {
  // Both records begin with their version, 1, where start codes begin with 0.
  const std::size_t place = syntax == Syntax::kH264 ? 4 : syntax == Syntax::kHevc ? 21 : 0;
  if (place > 0 && configuration.size() > place && configuration[0] == 1) length_bytes_ = (configuration[place] & 3) + 1;
}

bool PacketReference::may_be_reference(ByteView packet) const {
  if (syntax_ == Syntax::kUnknown) return true;
  for (std::size_t at = length_bytes_ > 0 ? 0 : after_start_code(packet, 0); at < packet.size();) {
    std::size_t next = 0;
    if (length_bytes_ > 0) {
      if (packet.size() - at < static_cast<std::size_t>(length_bytes_)) break;
      std::size_t length = 0;
      for (int i = 0; i < length_bytes_; ++i) length = length << 8 | packet[at++];
      next = at + std::min(length, packet.size() - at);
    }
    if (at < packet.size()) {
      if (const std::optional<bool> found = reference_of(syntax_, packet.subspan(at))) return *found;
    }
    at = length_bytes_ > 0 ? next : after_start_code(packet, at);
  }
  return true;
}

}  // namespace smol
