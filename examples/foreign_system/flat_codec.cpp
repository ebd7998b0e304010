#include "flat_codec.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace foreign {
namespace {

constexpr std::size_t kHeaderBytes = 8;
constexpr std::size_t kReadablePastRow = 64;  // what the RowConsumer contract asks for

class FlatDecoder final : public smol::Decoder {
 public:
  smol::Result<smol::ImageHeader> probe(smol::ByteView bytes) override {
    if (bytes.size() < kHeaderBytes) {
      return smol::Error{smol::ErrorCode::kTruncated, "a flat picture begins with 8 bytes", smol::Stage::kDecode};
    }
    smol::ImageHeader header;
    header.format = "flat";
    header.width = bytes[4] + 256 * bytes[5];
    header.height = bytes[6] + 256 * bytes[7];
    header.compressed_bytes = static_cast<std::int64_t>(bytes.size());
    if (header.width == 0 || header.height == 0) {
      return smol::Error{smol::ErrorCode::kCorrupt, "a flat picture has no empty sides", smol::Stage::kDecode};
    }
    return header;
  }

  smol::Result<smol::DecodeReport> decode(smol::ByteView bytes, const smol::DecodeRequest& request,
                                          smol::RowConsumer& consumer) override {
    SMOL_ASSIGN_OR_RETURN(const smol::ImageHeader header, probe(bytes));
    const int pixel_bytes = smol::bytes_per_pixel(request.format);
    row_.resize(static_cast<std::size_t>(header.width) * pixel_bytes + kReadablePastRow);
    smol::DecodeReport report;
    SMOL_RETURN_IF_ERROR(consumer.begin({0, 0, header.width, header.height}, {header.width, header.height}, request.format));
    for (int y = 0; y < header.height; ++y) {
      if (request.stop.stop_requested()) return smol::Error{smol::ErrorCode::kCancelled, "stopped", smol::Stage::kDecode};
      const std::size_t start = kHeaderBytes + static_cast<std::size_t>(header.width) * 3 * y;
      const bool is_there = start + static_cast<std::size_t>(header.width) * 3 <= bytes.size();
      if (!is_there && request.fail_on != smol::FailOn::kNone) {
        return smol::Error{smol::ErrorCode::kTruncated, "rows are missing after row " + std::to_string(y),
                           smol::Stage::kDecode};
      }
      report.truncated |= !is_there;
      report.rows_decoded += is_there ? 1 : 0;
      write_row(is_there ? bytes.data() + start : nullptr, header.width, pixel_bytes, request.format);
      smol::ImageView view{request.format, header.width, 1};
      view.planes[0] = {row_.data(), static_cast<std::ptrdiff_t>(row_.size()), header.width, 1};
      if (!consumer.rows(y, view)) break;
    }
    return report;
  }

 private:
  // Missing rows are gray.
  void write_row(const std::uint8_t* in, int width, int pixel_bytes, smol::PixelFormat format) {
    std::fill(row_.begin(), row_.end(), std::uint8_t{128});
    for (int x = 0; in != nullptr && x < width; ++x, in += 3) {
      std::uint8_t* out = row_.data() + static_cast<std::ptrdiff_t>(x) * pixel_bytes;
      std::copy(in, in + 3, out);
      if (format == smol::PixelFormat::kBgr8) std::swap(out[0], out[2]);
    }
  }

  std::vector<std::uint8_t> row_;
};

class FlatCodec final : public smol::Codec {
 public:
  FlatCodec() {
    capabilities_.early_stop = true;
    capabilities_.streams_rows = true;
    capabilities_.formats = {smol::PixelFormat::kRgb8, smol::PixelFormat::kBgr8, smol::PixelFormat::kRgbx8};
  }
  [[nodiscard]] std::string_view name() const override { return "flat"; }
  [[nodiscard]] std::string_view description() const override { return "uncompressed pictures of an example"; }
  [[nodiscard]] bool sniff(smol::ByteView bytes) const override {
    return bytes.size() >= 4 && std::memcmp(bytes.data(), "FLAT", 4) == 0;
  }
  [[nodiscard]] const smol::CodecCapabilities& capabilities() const override { return capabilities_; }
  [[nodiscard]] std::unique_ptr<smol::Decoder> create_decoder() const override { return std::make_unique<FlatDecoder>(); }

 private:
  smol::CodecCapabilities capabilities_;
};

}  // namespace

std::unique_ptr<const smol::Codec> create_flat_codec() { return std::make_unique<const FlatCodec>(); }

std::vector<std::uint8_t> encode_flat(int width, int height, std::uint8_t shade, std::uint8_t middle_shade) {
  std::vector<std::uint8_t> bytes{'F', 'L', 'A', 'T'};
  for (int side : {width, height}) {
    bytes.push_back(static_cast<std::uint8_t>(side % 256));
    bytes.push_back(static_cast<std::uint8_t>(side / 256));
  }
  const auto in_middle = [](int place, int side) { return place >= side / 4 && place < side - side / 4; };
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      bytes.insert(bytes.end(), 3, in_middle(x, width) && in_middle(y, height) ? middle_shade : shade);
    }
  }
  return bytes;
}

}  // namespace foreign
