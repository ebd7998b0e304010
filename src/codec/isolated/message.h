#pragma once
/// What a decoder and its child process say to each other: one fixed-size message at a time over a socket that keeps
/// message boundaries. Neither side believes the other: what is not plausible is refused.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "smol/codec.h"

namespace smol {

enum class MessageKind : std::uint32_t {
  kNone,
  kReady,    ///< from the child, once: its codec is loaded; `text` describes it
  kProbe,    ///< to the child
  kHeader,   ///< the answer to kProbe
  kDecode,   ///< to the child
  kBegin,    ///< the first answer to kDecode: what rows will be delivered
  kProceed,  ///< to the child: write the rows; `output_bytes` of shared memory are there for them
  kStop,     ///< to the child: nobody wants the rows
  kDone,     ///< the last answer to kDecode
  kFailed,   ///< the answer to anything: `error_code` and `text`
};

struct Message {
  static constexpr std::size_t kTextBytes = 512;

  MessageKind kind = MessageKind::kNone;
  std::uint64_t input_bytes = 0, output_bytes = 0;
  /// What the child may take of address space.
  std::uint64_t address_space_bytes = 0;

  struct WireRect {
    std::int32_t x = 0, y = 0, width = 0, height = 0;
  };
  struct Request {
    std::int32_t scale_denominator = 1;
    WireRect region;
    std::int64_t max_pixels = 0;
    std::int32_t max_scans = 0;
    std::uint8_t has_region = 0, format = 0, thumbnail = 0, fail_on = 0;
    std::uint8_t has_background = 0, background[3] = {};
  } request;
  struct Header {
    std::int32_t width = 0, height = 0, channels = 0, bits = 0, restart_interval = 0;
    std::int32_t chroma_horizontal = 0, chroma_vertical = 0, num_frames = 0, max_scale_denominator = 0;
    std::int32_t thumbnail_width = 0, thumbnail_height = 0;
    std::int64_t compressed_bytes = 0, thumbnail_bytes = 0;
    std::uint8_t orientation = 0, alpha = 0, palette = 0, progressive = 0;
  } header;
  struct Delivery {
    WireRect rect;
    std::int32_t scaled_width = 0, scaled_height = 0;
    std::uint8_t format = 0;
  } delivery;
  struct Report {
    std::int32_t rows_decoded = 0, warnings = 0;
    std::uint8_t truncated = 0, recovered = 0;
  } report;
  std::uint8_t error_code = 0;
  char text[kTextBytes] = {};

  void set_text(std::string_view words);
  /// Printable ASCII, whatever was sent.
  [[nodiscard]] std::string safe_text() const;
};
static_assert(std::is_trivially_copyable_v<Message>);

/// False when the other side is gone.
[[nodiscard]] bool send_message(int socket, const Message& message);
/// Waits; false at the end of the conversation or when something other than a message came.
[[nodiscard]] bool receive_message(int socket, Message& message);

[[nodiscard]] Message::Request to_wire(const DecodeRequest& request);
[[nodiscard]] DecodeRequest from_wire(const Message::Request& request);
[[nodiscard]] Message::Header to_wire(const ImageHeader& header);
/// Empty where no picture can be like that.
[[nodiscard]] std::optional<ImageHeader> from_wire(const Message::Header& header);
[[nodiscard]] Message::WireRect to_wire(const Rect& rect);
[[nodiscard]] Rect from_wire(const Message::WireRect& rect);
/// An error about data, with Stage::kDecode.
[[nodiscard]] Error error_of(const Message& failed);
[[nodiscard]] Message failed_message(const Error& error);

/// Rows in shared memory: bytes from one to the next, and of all of them.
[[nodiscard]] std::int64_t shared_stride_bytes(int width, PixelFormat format);
[[nodiscard]] std::int64_t shared_rows_bytes(const Rect& delivered, PixelFormat format);

}  // namespace smol
