#include "codec_checks.h"

#include <algorithm>
#include <random>

namespace smol::fuzzing {
namespace {

/// Small enough that any decode ends at once.
constexpr std::int64_t kMaxPixels = 1 << 21;

/// Checks the contract of RowConsumer and keeps the pixels.
class CheckedRows final : public RowConsumer {
 public:
  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override {
    ++begins_;
    rect = delivered;
    format_ = format;
    next_row_ = delivered.y;
    pixels.clear();
    const bool inside = delivered.x >= 0 && delivered.y >= 0 && delivered.width > 0 && delivered.height > 0 &&
                        delivered.x + delivered.width <= scaled_size.width &&
                        delivered.y + delivered.height <= scaled_size.height;
    if (!inside) violation = "delivered rectangle outside the picture";
    return {};
  }

  bool rows(int y, const ImageView& view) override {
    if (begins_ != 1) violation = "rows without exactly one begin()";
    if (y != next_row_ || view.height <= 0) violation = "rows out of order";
    if (view.format != format_ || view.width != rect.width) violation = "rows not as announced";
    next_row_ += view.height;
    if (next_row_ > rect.y + rect.height) violation = "more rows than announced";
    const int num_planes = view.format == PixelFormat::kYcc8Planar ? 3 : 1;
    for (int i = 0; i < num_planes; ++i) read_plane(view.planes[i]);
    return true;
  }

  [[nodiscard]] bool complete() const { return begins_ == 1 && next_row_ == rect.y + rect.height; }

  Rect rect;
  std::vector<std::uint8_t> pixels;
  std::string violation;

 private:
  void read_plane(const Plane& plane) {
    constexpr std::size_t kReadablePastEnd = 64;
    const std::size_t row_bytes = static_cast<std::size_t>(plane.width) * bytes_per_pixel(format_);
    for (int y = 0; y < plane.height; ++y) {
      const std::uint8_t* const row = plane.data + y * plane.stride_bytes;
      pixels.insert(pixels.end(), row, row + row_bytes);
      for (std::size_t i = 0; i < kReadablePastEnd; ++i) past_end_ = row[row_bytes + i];
    }
  }

  int begins_ = 0, next_row_ = 0;
  PixelFormat format_{};
  volatile std::uint8_t past_end_ = 0;
};

DecodeRequest choose_request(const CodecCapabilities& capabilities, const ImageHeader& header, std::mt19937& random) {
  DecodeRequest request;
  request.limits.max_pixels = kMaxPixels;
  request.limits.max_scans = 50;
  request.fail_on = static_cast<FailOn>(random() % 4);
  request.format = capabilities.formats[random() % capabilities.formats.size()];
  if (random() % 3 == 0) request.background = {7, 130, 250};
  const auto& denominators = capabilities.scale_denominators;
  request.scale_denominator = denominators[random() % denominators.size()];
  if (random() % 2 == 0) {
    const auto below = [&](int limit) { return static_cast<int>(random() % static_cast<unsigned>(std::max(1, limit))); };
    const int width = std::max(1, header.width / request.scale_denominator);
    const int height = std::max(1, header.height / request.scale_denominator);
    const int x = below(width), y = below(height);
    request.region = Rect{x, y, 1 + below(width - x), 1 + below(height - y)};
  }
  return request;
}

bool equals_crop(const CheckedRows& part, const CheckedRows& whole, std::size_t step) {
  for (int y = 0; y < part.rect.height; ++y) {
    const std::size_t row = static_cast<std::size_t>(part.rect.y + y) * whole.rect.width + part.rect.x;
    const auto* const expected = whole.pixels.data() + row * step;
    if (!std::equal(expected, expected + part.rect.width * step,
                    part.pixels.data() + std::size_t(y) * part.rect.width * step)) {
      return false;
    }
  }
  return true;
}

}  // namespace

CodecChecks::CodecChecks() {
  for (const auto& codec : registry_.codecs()) decoders_[codec->name()] = codec->create_decoder();
}

Decoder* CodecChecks::decoder_of(ByteView bytes, const Codec*& codec) {
  codec = registry_.sniff(bytes);
  return codec == nullptr ? nullptr : decoders_[codec->name()].get();
}

std::string CodecChecks::decode(ByteView bytes, std::uint32_t choices) {
  const Codec* codec = nullptr;
  Decoder* const decoder = decoder_of(bytes, codec);
  if (decoder == nullptr) return registry_.unrecognised(bytes).message.empty() ? "no message" : "";
  std::mt19937 random(choices);
  const auto header = decoder->probe(bytes);
  if (header && (header->width <= 0 || header->height <= 0)) return "probe gave an empty size";
  const DecodeRequest request = choose_request(codec->capabilities(), header ? *header : ImageHeader(), random);
  CheckedRows rows;
  const auto report = decoder->decode(bytes, request, rows);
  if (!rows.violation.empty()) return rows.violation;
  if (!report) return report.error().message.empty() ? "an error without a message" : "";
  ++num_decoded_;
  if (!rows.complete()) return "success without all rows";
  if (report->rows_decoded < 0 || report->rows_decoded > rows.rect.height) return "rows_decoded out of range";
  if (report->truncated && request.fail_on >= FailOn::kTruncated) return "truncated in spite of fail_on";
  if (report->recovered && request.fail_on >= FailOn::kError) return "recovered in spite of fail_on";
  if (report->warnings > 0 && request.fail_on >= FailOn::kWarning) return "warnings in spite of fail_on";
  return "";
}

std::string CodecChecks::regions(ByteView bytes, std::uint32_t choices) {
  const Codec* codec = nullptr;
  Decoder* const decoder = decoder_of(bytes, codec);
  if (decoder == nullptr) return "";
  const auto header = decoder->probe(bytes);
  if (!header) return "";
  std::mt19937 random(choices);
  DecodeRequest request = choose_request(codec->capabilities(), *header, random);
  request.format = PixelFormat::kRgb8;
  request.fail_on = FailOn::kWarning;
  DecodeRequest whole_request = request;
  whole_request.region.reset();
  CheckedRows whole, part;
  if (!request.region || !decoder->decode(bytes, whole_request, whole)) return "";
  const auto report = decoder->decode(bytes, request, part);
  if (!report) return "the whole picture decodes, a region does not: " + report.error().message;
  return equals_crop(part, whole, 3) ? "" : "region differs from the crop of the whole picture";
}

std::vector<std::uint8_t> mutate(ByteView bytes, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::uint8_t> changed(bytes.begin(), bytes.end());
  const auto below = [&](std::size_t limit) { return limit == 0 ? 0 : random() % limit; };
  const auto offset = [&](std::size_t at) { return changed.begin() + static_cast<std::ptrdiff_t>(at); };
  constexpr std::uint8_t kInteresting[] = {0x00, 0x01, 0x7F, 0x80, 0xC0, 0xC2, 0xC4, 0xD0, 0xD9, 0xDA, 0xDD, 0xFE, 0xFF};
  for (std::size_t step = 1 + below(4); step > 0 && !changed.empty(); --step) {
    const std::size_t at = below(changed.size());
    const std::size_t length = 1 + below(std::min<std::size_t>(32, changed.size() - at));
    switch (below(7)) {
      case 0:
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1u << below(8)));
        break;
      case 1:
        changed[at] = static_cast<std::uint8_t>(random());
        break;
      case 2:
        changed[at] = kInteresting[below(std::size(kInteresting))];
        break;
      case 3:
        changed.erase(offset(at), offset(at + length));
        break;
      case 4: {
        const std::vector<std::uint8_t> run(offset(at), offset(at + length));
        changed.insert(offset(below(changed.size())), run.begin(), run.end());
        break;
      }
      case 5:
        for (std::size_t i = at; i < at + length; ++i) changed[i] = static_cast<std::uint8_t>(random());
        break;
      default:
        if (below(4) == 0) changed.resize(at);
    }
  }
  return changed;
}

}  // namespace smol::fuzzing
