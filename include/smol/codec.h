#pragma once
/// The codec interface. Capabilities are the only thing the optimizer and the planner know of a format.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "smol/image.h"
#include "smol/result.h"

namespace smol {

using ByteView = std::span<const std::uint8_t>;

/// How strict decoding is; each level implies those before it.
enum class FailOn : std::uint8_t {
  kNone,       ///< deliver what can be had, also from corrupt data
  kTruncated,  ///< fail when the data end early (default)
  kError,      ///< fail on any decoder error, also one it could paper over
  kWarning,    ///< fail on any decoder warning
};
[[nodiscard]] std::string_view name_of(FailOn fail_on);
[[nodiscard]] Result<FailOn> parse_fail_on(std::string_view name);

/// Which frames of a video are filtered at the edges of their blocks; a filter inside the loop of prediction.
enum class Deblocking : std::uint8_t {
  kAll,            ///< as the standard says
  kReferenceOnly,  ///< frames that no other depends on are not filtered: no drift
  kNone,           ///< no frame is filtered: errors add up until the next key frame
};

[[nodiscard]] std::string_view name_of(Deblocking deblocking);  ///< "all", "reference", "none"
[[nodiscard]] Result<Deblocking> parse_deblocking(std::string_view name);

/// What a codec can do. The optimizer reads these, never a format's name.
struct CodecCapabilities {
  /// Denominators of decode-time scaling that are *fast*, ascending, always beginning with 1: {1,2,4,8}.
  std::vector<int> scale_denominators{1};
  bool region = false;        ///< columns outside the request cost less than decoding them
  bool early_stop = false;    ///< rows below the request are not decoded
  bool streams_rows = false;  ///< rows arrive while decoding; nothing full-size is kept
  bool planar = false;        ///< can deliver kYcc8Planar before colour conversion
  /// Pictures may carry a small version of themselves: ImageHeader::thumbnail, DecodeRequest::thumbnail.
  bool embedded_thumbnails = false;
  bool deblocking = false;           ///< filtering the edges of blocks can be left out
  std::vector<PixelFormat> formats;  ///< what it can deliver; kGray8 only from pictures that is_gray()
};

/// Cheap facts from the header; also what decode cost is predicted from.
struct ImageHeader {
  std::string_view format;    ///< codec name, static storage
  int width = 0, height = 0;  ///< as stored, before orientation
  Orientation orientation = Orientation::kNormal;
  int channels = 3;  ///< stored colour channels without alpha: 1 gray, 3 colour, 4 CMYK
  int bits = 8;      ///< bits a sample
  bool alpha = false;
  bool palette = false;
  bool progressive = false;  ///< progressive JPEG, interlaced PNG: the whole picture is entropy-decoded
  int restart_interval = 0;  ///< in minimum coded units; 0 = none
  int chroma_horizontal = 1, chroma_vertical = 1;  ///< subsampling factors of chroma: 2,2 for 4:2:0
  std::int64_t compressed_bytes = 0;               ///< of pixel data, without embedded thumbnails and profiles
  int num_frames = 1;
  /// What the decoder can do for this picture; a codec lowers these. A plan that asks for more gets this much.
  int max_scale_denominator = 8;
  bool planar = true;
  /// A video's frame, predicted from others: it is decoded whole, whatever part of it is wanted.
  bool predicted = false;
  YccEncoding ycc;  ///< of the planes, where it delivers them
  /// The embedded small version of the picture, turned and coloured as the picture is stored; width 0: none that the codec
  /// can decode. Whether it shows the same is not known: other programs may have changed one without the other.
  struct Thumbnail {
    int width = 0, height = 0;
    std::int64_t compressed_bytes = 0;
  } thumbnail;

  /// Size after the orientation is applied.
  [[nodiscard]] Size oriented_size() const { return swaps_axes(orientation) ? Size{height, width} : Size{width, height}; }
  /// True when decoding yields one channel without loss.
  [[nodiscard]] bool is_gray() const { return channels == 1 && !palette; }
};

struct DecodeLimits {
  /// Larger pictures are refused with kLimitExceeded (decompression bombs). `--max-pixels`.
  std::int64_t max_pixels = 268'435'456;
  /// Progressive JPEGs with more scans are refused with kLimitExceeded. `--max-scans`.
  int max_scans = 500;
};

/// What to decode. Rectangles are in *stored* orientation, in pixels of the scaled picture.
struct DecodeRequest {
  int scale_denominator = 1;   ///< one of the capabilities' denominators; size = ceil(size / denominator)
  std::optional<Rect> region;  ///< only these pixels are needed; empty = all
  PixelFormat format = PixelFormat::kRgbx8;
  bool thumbnail = false;  ///< the embedded thumbnail in place of the picture; kUnsupported where the header states none
  /// Alpha is composited on this colour; absent: alpha is dropped. kGray8 takes its luma. Pictures without alpha ignore it.
  std::optional<std::array<std::uint8_t, 3>> background;
  FailOn fail_on = FailOn::kTruncated;
  DecodeLimits limits;
  std::stop_token stop;  ///< checked between groups of rows; kCancelled
};

/// Receives decoded rows, top to bottom, exactly once each. Called on the decoding thread.
class RowConsumer {
 public:
  virtual ~RowConsumer() = default;
  /// Before the first row: the rectangle that will be delivered (in pixels of the scaled picture). It
  /// contains the requested region clipped to the picture; codecs without region support deliver whole rows.
  /// Returning an error stops decoding with that error.
  virtual Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) = 0;
  /// `rows` holds rows [y, y + rows.height) of the scaled picture, columns as announced. Borrowed for the
  /// call, at any alignment; rows are readable 64 bytes past their end. For kYcc8Planar the planes hold the same rows at
  /// their own sampling. Return false to stop early (all needed rows have arrived): decode() then succeeds.
  virtual bool rows(int y, const ImageView& rows) = 0;
};

/// What happened while decoding.
struct DecodeReport {
  int rows_decoded = 0;    ///< rows of the delivered rectangle that came from real data
  int warnings = 0;        ///< e.g. odd but harmless marker parameters
  bool truncated = false;  ///< data ended early; the rest was filled in (only with FailOn::kNone)
  bool recovered = false;  ///< errors were papered over (only below FailOn::kError)
  bool thumbnail = false;  ///< preprocessing took the embedded thumbnail
};

/// A decoder object with reusable state. Not thread-safe; one per worker.
class Decoder {
 public:
  virtual ~Decoder() = default;
  /// Header only: reads as few bytes as possible. kCorrupt, kTruncated, kUnsupported.
  virtual Result<ImageHeader> probe(ByteView bytes) = 0;
  /// Decodes `bytes` into `consumer`. A decoder remains usable after any error.
  virtual Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) = 0;
};

/// A format. Immutable and thread-safe.
class Codec {
 public:
  virtual ~Codec() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;         ///< "jpeg"
  [[nodiscard]] virtual std::string_view description() const = 0;  ///< library and version, for `smol info`
  /// Whether the first bytes (32 or all) look like this format.
  [[nodiscard]] virtual bool sniff(ByteView bytes) const = 0;
  [[nodiscard]] virtual const CodecCapabilities& capabilities() const = 0;
  [[nodiscard]] virtual std::unique_ptr<Decoder> create_decoder() const = 0;
};

/// A codec that is known but not usable here, with the reason and the remedy.
struct UnavailableCodec {
  std::string name, reason, remedy;
};

/// The table of codecs. Filled once at start, then read by many threads.
class CodecRegistry {
 public:
  /// A second registration of a name is an error.
  Status add(std::unique_ptr<const Codec> codec);
  void add_unavailable(UnavailableCodec entry);
  /// Null when no codec recognises the bytes.
  [[nodiscard]] const Codec* sniff(ByteView bytes) const;
  [[nodiscard]] const Codec* find(std::string_view name) const;
  [[nodiscard]] const std::vector<std::unique_ptr<const Codec>>& codecs() const { return codecs_; }
  [[nodiscard]] const std::vector<UnavailableCodec>& unavailable() const { return unavailable_; }
  /// kUnsupported, listing the formats that can be read here; kTruncated without any bytes.
  [[nodiscard]] Error unrecognised(ByteView bytes) const;

 private:
  std::vector<std::unique_ptr<const Codec>> codecs_;
  std::vector<UnavailableCodec> unavailable_;
};

/// A registry holding all codecs of this build (src/codec/built_in_codecs.cpp is the table).
[[nodiscard]] CodecRegistry built_in_codecs();

/// Decodes the whole picture into `image` without applying the orientation.
[[nodiscard]] Result<DecodeReport> decode_to_image(Decoder& decoder, ByteView bytes, const DecodeRequest& request,
                                                   Image& image);

}  // namespace smol
