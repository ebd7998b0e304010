#include "codec/opaque/opaque_decoder.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "codec/pixel_rows.h"
#include "codec/plain_codec.h"
#include "codec/request_checks.h"

namespace smol {
namespace {

constexpr int kRowsPerGroup = 16;

/// What lies in memory when this many samples make a pixel; a fourth one is ignored.
SampleOrder order_of(int channels) {
  return channels == 1 ? SampleOrder::kGray : channels == 3 ? SampleOrder::kRgb : SampleOrder::kRgba;
}

}  // namespace

Error OpaqueDecoder::error(ErrorCode code, std::string message) { return Error{code, std::move(message), Stage::kDecode}; }

Status OpaqueDecoder::check_format(ByteView bytes) const {
  if (format_.sniff(bytes)) return {};
  constexpr std::size_t kShortest = 32;
  return error(bytes.size() < kShortest ? ErrorCode::kTruncated : ErrorCode::kCorrupt,
               "these bytes do not begin as " + std::string(format_.name) + " pictures do");
}

Result<ImageHeader> OpaqueDecoder::probe(ByteView bytes) {
  SMOL_RETURN_IF_ERROR(check_format(bytes));
  Result<ImageHeader> header = open(bytes, FailOn::kNone);
  close();
  if (header) header->format = format_.name;
  return header;
}

Result<DecodeReport> OpaqueDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  struct CloseAtEnd {
    OpaqueDecoder& decoder;
    ~CloseAtEnd() { decoder.close(); }
  } const close_at_end{*this};
  return decode_opened(bytes, request, consumer);
}

Result<DecodeReport> OpaqueDecoder::decode_opened(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(check_format(bytes));
  SMOL_ASSIGN_OR_RETURN(const ImageHeader header, open(bytes, request.fail_on));
  Size size;
  SMOL_ASSIGN_OR_RETURN(const Rect wanted, check(header, request, size));
  SMOL_RETURN_IF_ERROR(consumer.begin(wanted, size, request.format));
  SMOL_ASSIGN_OR_RETURN(const DecodedPixels pixels, read(request, wanted, size));
  if (request.fail_on >= FailOn::kTruncated && pixels.truncated) {
    return error(ErrorCode::kTruncated, "the data end before the picture is complete; --fail-on none keeps what is there");
  }
  if (request.fail_on >= FailOn::kError && pixels.recovered) {
    return error(ErrorCode::kCorrupt, "the picture is damaged; --fail-on truncated keeps what can be read of it");
  }
  if (request.fail_on >= FailOn::kWarning && pixels.warnings > 0) {
    return error(ErrorCode::kCorrupt, "the decoder warned of this picture; --fail-on error lets it pass");
  }
  return deliver(pixels, wanted, request, consumer);
}

Result<Rect> OpaqueDecoder::check(const ImageHeader& header, const DecodeRequest& request, Size& size) const {
  const std::string name(format_.name);
  const auto& can = format_.capabilities;
  if (std::find(can.scale_denominators.begin(), can.scale_denominators.end(), request.scale_denominator) ==
      can.scale_denominators.end()) {
    return error(ErrorCode::kInvalidArgument, name + " pictures cannot be decoded at this scale denominator: " +
                                                  std::to_string(request.scale_denominator));
  }
  if (std::find(can.formats.begin(), can.formats.end(), request.format) == can.formats.end() ||
      (request.format == PixelFormat::kGray8 && !header.is_gray())) {
    return error(ErrorCode::kUnsupported,
                 "this picture cannot be delivered as " + std::string(name_of(request.format)) + "; ask for rgbx8");
  }
  if (request.background && header.alpha) {
    return error(ErrorCode::kUnsupported,
                 "the alpha of " + name + " pictures cannot be laid on a background; without one it is dropped");
  }
  if (request.thumbnail && (header.thumbnail.width == 0 || request.scale_denominator != 1)) {
    return error(ErrorCode::kUnsupported, "this picture has no embedded thumbnail that can be decoded");
  }
  SMOL_RETURN_IF_ERROR(check_pixels({header.width, header.height}, request.limits));
  if (request.scale_denominator > std::max(header.max_scale_denominator, 1)) {
    return error(ErrorCode::kUnsupported, "this picture has fewer resolution levels than the scale denominator asks for: " +
                                              std::to_string(request.scale_denominator));
  }
  const int denominator = request.scale_denominator;
  size = request.thumbnail
             ? Size{header.thumbnail.width, header.thumbnail.height}
             : Size{(header.width + denominator - 1) / denominator, (header.height + denominator - 1) / denominator};
  return clip_region(request.region, size);
}

Result<DecodeReport> OpaqueDecoder::deliver(const DecodedPixels& pixels, const Rect& wanted, const DecodeRequest& request,
                                            RowConsumer& consumer) {
  const auto row_bytes = static_cast<std::size_t>(wanted.width) * static_cast<std::size_t>(bytes_per_pixel(request.format));
  const std::ptrdiff_t stride = padded_stride_bytes(row_bytes);
  std::uint8_t* const rows = rows_.reserve(static_cast<std::size_t>(stride) * kRowsPerGroup);
  bool more = true;
  int done = 0;
  while (more && done < wanted.height) {
    ImageView view;
    view.format = request.format;
    view.width = wanted.width;
    view.height = std::min(kRowsPerGroup, wanted.height - done);
    view.planes[0] = {rows, stride, view.width, view.height};
    for (int i = 0; i < view.height; ++i) {
      const std::uint8_t* const from = pixels.data + (done + i) * pixels.stride_bytes;
      std::uint8_t* const to = rows + i * stride;
      write_pixels(order_of(pixels.channels), from, wanted.width, request.format, {}, to);
    }
    more = consumer.rows(wanted.y + done, view);
    done += view.height;
  }
  DecodeReport report;
  report.rows_decoded = std::min(pixels.complete_rows, done);
  report.warnings = pixels.warnings;
  report.truncated = pixels.truncated;
  report.recovered = pixels.recovered;
  return report;
}

std::unique_ptr<Codec> create_opaque_codec(std::string_view format, std::string description,
                                           std::unique_ptr<Decoder> (*create)()) {
  const OpaqueFormat& facts = *find_opaque_format(format);
  return std::make_unique<PlainCodec>(
      CodecFacts{facts.name, std::move(description), facts.sniff, facts.capabilities, create});
}

std::string_view hdr_transfer_name(int transfer_characteristics) {
  constexpr int kPq = 16, kHlg = 18;
  if (transfer_characteristics == kPq) return "PQ";
  return transfer_characteristics == kHlg ? "HLG" : "";
}

Error hdr_error(std::string_view transfer) {
  return Error{ErrorCode::kUnsupported,
               "high dynamic range (" + std::string(transfer) +
                   " transfer) needs tone mapping, which smol does not do; convert the picture to SDR first",
               Stage::kDecode};
}

Size largest_claimed_extent(ByteView bytes) {
  Size largest;
  const auto number_at = [&](std::size_t at) {
    return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
  };
  constexpr std::size_t kBoxBytes = 20;
  for (std::size_t at = 0; at + kBoxBytes <= bytes.size(); ++at) {
    if (number_at(at) != kBoxBytes || std::memcmp(bytes.data() + at + 4, "ispe", 4) != 0) continue;
    constexpr std::uint32_t kMaxSide = 1 << 30;
    const std::uint32_t width = std::min(number_at(at + 12), kMaxSide), height = std::min(number_at(at + 16), kMaxSide);
    if (std::uint64_t{width} * height >
        static_cast<std::uint64_t>(largest.width) * static_cast<std::uint64_t>(largest.height)) {
      largest = {static_cast<int>(width), static_cast<int>(height)};
    }
  }
  return largest;
}

}  // namespace smol
