#include "codec/isolated/message.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "codec/grow_only_buffer.h"

namespace smol {
namespace {

/// No picture side and no count beyond: products of two fit into 64 bits.
constexpr std::int32_t kMaxSide = 1 << 30;

bool in(std::int32_t value, std::int32_t least, std::int32_t most) { return value >= least && value <= most; }

bool is_plausible(const Message::Header& header) {
  const bool is_thumbnail_smaller = header.thumbnail_width < header.width && header.thumbnail_height < header.height;
  const bool has_no_thumbnail = header.thumbnail_width == 0 && header.thumbnail_height == 0;
  return in(header.width, 1, kMaxSide) && in(header.height, 1, kMaxSide) && in(header.channels, 1, 4) &&
         in(header.bits, 1, 32) && in(header.orientation, 1, 8) && in(header.restart_interval, 0, kMaxSide) &&
         in(header.chroma_horizontal, 1, 255) && in(header.chroma_vertical, 1, 255) && in(header.num_frames, 1, kMaxSide) &&
         in(header.max_scale_denominator, 1, 1024) && header.compressed_bytes >= 0 &&
         (has_no_thumbnail ||
          (header.thumbnail_width > 0 && header.thumbnail_height > 0 && is_thumbnail_smaller && header.thumbnail_bytes > 0));
}

}  // namespace

void Message::set_text(std::string_view words) {
  std::memset(text, 0, sizeof(text));
  std::memcpy(text, words.data(), std::min(words.size(), sizeof(text) - 1));
}

std::string Message::safe_text() const {
  std::string words(text, strnlen(text, sizeof(text)));
  for (char& character : words) {
    if (character < ' ' || character > '~') character = '?';
  }
  return words;
}

bool send_message(int socket, const Message& message) {
  for (;;) {
    const ssize_t sent = send(socket, &message, sizeof(message), MSG_NOSIGNAL);
    if (sent == static_cast<ssize_t>(sizeof(message))) return true;
    if (sent >= 0 || errno != EINTR) return false;
  }
}

bool receive_message(int socket, Message& message) {
  for (;;) {
    const ssize_t received = recv(socket, &message, sizeof(message), MSG_TRUNC);
    if (received == static_cast<ssize_t>(sizeof(message))) return true;
    if (received >= 0 || errno != EINTR) return false;
  }
}

Message::WireRect to_wire(const Rect& rect) { return {rect.x, rect.y, rect.width, rect.height}; }
Rect from_wire(const Message::WireRect& rect) { return {rect.x, rect.y, rect.width, rect.height}; }

Message::Request to_wire(const DecodeRequest& request) {
  Message::Request wire;
  wire.scale_denominator = request.scale_denominator;
  wire.has_region = request.region.has_value() ? 1 : 0;
  if (request.region) wire.region = to_wire(*request.region);
  wire.format = static_cast<std::uint8_t>(request.format);
  wire.thumbnail = request.thumbnail ? 1 : 0;
  wire.fail_on = static_cast<std::uint8_t>(request.fail_on);
  wire.max_pixels = request.limits.max_pixels;
  wire.max_scans = request.limits.max_scans;
  wire.has_background = request.background.has_value() ? 1 : 0;
  if (request.background) std::copy(request.background->begin(), request.background->end(), wire.background);
  return wire;
}

DecodeRequest from_wire(const Message::Request& wire) {
  DecodeRequest request;
  request.scale_denominator = wire.scale_denominator;
  if (wire.has_region != 0) request.region = from_wire(wire.region);
  request.format = static_cast<PixelFormat>(wire.format);
  request.thumbnail = wire.thumbnail != 0;
  request.fail_on = static_cast<FailOn>(wire.fail_on);
  request.limits.max_pixels = wire.max_pixels;
  request.limits.max_scans = wire.max_scans;
  if (wire.has_background != 0) request.background = {wire.background[0], wire.background[1], wire.background[2]};
  return request;
}

Message::Header to_wire(const ImageHeader& header) {
  Message::Header wire;
  wire.width = header.width;
  wire.height = header.height;
  wire.channels = header.channels;
  wire.bits = header.bits;
  wire.restart_interval = header.restart_interval;
  wire.chroma_horizontal = header.chroma_horizontal;
  wire.chroma_vertical = header.chroma_vertical;
  wire.num_frames = header.num_frames;
  wire.max_scale_denominator = header.max_scale_denominator;
  wire.thumbnail_width = header.thumbnail.width;
  wire.thumbnail_height = header.thumbnail.height;
  wire.thumbnail_bytes = header.thumbnail.compressed_bytes;
  wire.compressed_bytes = header.compressed_bytes;
  wire.orientation = static_cast<std::uint8_t>(header.orientation);
  wire.alpha = header.alpha ? 1 : 0;
  wire.palette = header.palette ? 1 : 0;
  wire.progressive = header.progressive ? 1 : 0;
  return wire;
}

std::optional<ImageHeader> from_wire(const Message::Header& wire) {
  if (!is_plausible(wire)) return std::nullopt;
  ImageHeader header;
  header.width = wire.width;
  header.height = wire.height;
  header.channels = wire.channels;
  header.bits = wire.bits;
  header.restart_interval = wire.restart_interval;
  header.chroma_horizontal = wire.chroma_horizontal;
  header.chroma_vertical = wire.chroma_vertical;
  header.num_frames = wire.num_frames;
  header.max_scale_denominator = wire.max_scale_denominator;
  header.thumbnail = {wire.thumbnail_width, wire.thumbnail_height, wire.thumbnail_bytes};
  header.compressed_bytes = wire.compressed_bytes;
  header.orientation = static_cast<Orientation>(wire.orientation);
  header.alpha = wire.alpha != 0;
  header.palette = wire.palette != 0;
  header.progressive = wire.progressive != 0;
  header.planar = false;  // rows are interleaved in shared memory
  return header;
}

Error error_of(const Message& failed) {
  ErrorCode code = failed.error_code < kNumErrorCodes ? static_cast<ErrorCode>(failed.error_code) : ErrorCode::kCorrupt;
  return Error{code, failed.safe_text(), Stage::kDecode};
}

Message failed_message(const Error& error) {
  Message message;
  message.kind = MessageKind::kFailed;
  message.error_code = static_cast<std::uint8_t>(error.code);
  message.set_text(error.message);
  return message;
}

std::int64_t shared_stride_bytes(int width, PixelFormat format) {
  return padded_stride_bytes(static_cast<std::size_t>(width) * static_cast<std::size_t>(bytes_per_pixel(format)));
}

std::int64_t shared_rows_bytes(const Rect& delivered, PixelFormat format) {
  return shared_stride_bytes(delivered.width, format) * delivered.height;
}

}  // namespace smol
