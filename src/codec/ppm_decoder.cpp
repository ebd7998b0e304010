#include "codec/ppm_decoder.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "codec/pixel_rows.h"
#include "codec/ppm_text.h"
#include "codec/still_rows.h"

namespace smol {
namespace {

constexpr unsigned kMostSamples = 65536;

Status read_fields(ByteView bytes, PpmHeader& ppm) {
  PpmText text(bytes, 2);
  constexpr unsigned kMostSide = 0x7FFFFFFF;
  const auto width = text.number(kMostSide);
  const auto height = text.number(kMostSide);
  const auto maximum = ppm.bitmap ? std::optional<unsigned>(1) : text.number(kMostSamples - 1);
  if (text.end() == PpmText::End::kTruncated) return header_truncated_error("PPM");
  if (!width || !height || !maximum) return corrupt_error("PPM", "width, height or largest value is no number in range");
  if (*width == 0 || *height == 0 || *maximum == 0) {
    return corrupt_error("PPM", "width, height and largest value must be at least 1");
  }
  // Exactly one byte of white space before binary samples.
  if (text.offset() == bytes.size()) return header_truncated_error("PPM");
  if (!is_ppm_space(bytes[text.offset()])) return corrupt_error("PPM", "no white space behind the header");
  ppm.pixels_offset = text.offset() + 1;
  ppm.maximum = *maximum;
  ppm.header.width = static_cast<int>(*width);
  ppm.header.height = static_cast<int>(*height);
  return {};
}

class PpmRows final : public StillRows {
 public:
  /// `scaling` gives 8 bits for a sample; null where samples are so already.
  PpmRows(ByteView bytes, const PpmHeader& ppm, const std::uint8_t* scaling, PixelFormat format, GrowOnlyBuffer& samples)
      : bytes_(bytes),
        ppm_(ppm),
        scaling_(scaling),
        format_(format),
        text_(bytes, ppm.pixels_offset),
        // Bits are unpacked a byte at a time.
        samples_(samples.reserve(static_cast<std::size_t>(ppm.header.width) * 3 + 8)) {}

  RowState write_row(int y, std::uint8_t* out) override {
    if (ppm_.plain) {
      for (; next_plain_row_ < y; ++next_plain_row_) {
        if (!read_plain_row()) return state_of_text();
      }
      ++next_plain_row_;
      if (!read_plain_row()) return state_of_text();
      write(samples_, out);
      return RowState::kComplete;
    }
    const std::size_t row_bytes = ppm_.row_bytes();
    const std::size_t available = (bytes_.size() - ppm_.pixels_offset) / row_bytes;
    if (static_cast<std::size_t>(y) >= available) return RowState::kTruncated;
    const std::uint8_t* const row = &bytes_[ppm_.pixels_offset + static_cast<std::size_t>(y) * row_bytes];
    write(as_bytes(row), out);
    return RowState::kComplete;
  }

  [[nodiscard]] std::string_view fault() const override { return "a sample is no number, or above the largest"; }

 private:
  [[nodiscard]] RowState state_of_text() const {
    return text_.end() == PpmText::End::kTruncated ? RowState::kTruncated : RowState::kCorrupt;
  }

  bool read_plain_row() {
    for (int i = 0; i < ppm_.num_samples(); ++i) {
      const auto value = ppm_.bitmap ? text_.bit() : text_.number(ppm_.maximum);
      if (!value) return false;
      samples_[i] = ppm_.bitmap ? (*value == 0 ? 255 : 0) : scaling_[*value];
    }
    return true;
  }

  const std::uint8_t* as_bytes(const std::uint8_t* row) {
    const int count = ppm_.num_samples();
    if (ppm_.bitmap) {
      unpack_samples(row, count, 1, samples_);
      for (int i = 0; i < count; ++i) samples_[i] = samples_[i] == 0 ? 255 : 0;
      return samples_;
    }
    if (ppm_.maximum == 255) return row;
    if (ppm_.maximum < 256) {
      for (int i = 0; i < count; ++i) samples_[i] = scaling_[row[i]];
    } else {
      for (int i = 0; i < count; ++i) samples_[i] = scaling_[row[2 * i] << 8 | row[2 * i + 1]];
    }
    return samples_;
  }

  void write(const std::uint8_t* samples, std::uint8_t* out) const {
    const SampleOrder order = ppm_.header.channels == 1 ? SampleOrder::kGray : SampleOrder::kRgb;
    write_pixels(order, samples, ppm_.header.width, format_, {}, out);
  }

  ByteView bytes_;
  const PpmHeader& ppm_;
  const std::uint8_t* scaling_;
  PixelFormat format_;
  PpmText text_;
  std::uint8_t* samples_;
  int next_plain_row_ = 0;
};

}  // namespace

std::size_t PpmHeader::row_bytes() const {
  const std::size_t samples = static_cast<std::size_t>(header.width) * static_cast<std::size_t>(header.channels);
  if (bitmap) return (samples + 7) / 8;
  return maximum < 256 ? samples : 2 * samples;
}

bool has_ppm_signature(ByteView bytes) {
  return bytes.size() >= 3 && bytes[0] == 'P' && bytes[1] >= '1' && bytes[1] <= '6' &&
         (is_ppm_space(bytes[2]) || bytes[2] == '#');
}

Status read_ppm_header(ByteView bytes, PpmHeader& ppm) {
  if (bytes.size() < 3) return header_truncated_error("PPM");
  if (!has_ppm_signature(bytes)) return corrupt_error("PPM", "wrong signature");
  const int kind = bytes[1] - '0';
  ppm.header = ImageHeader{};
  ppm.plain = kind <= 3;
  ppm.bitmap = kind == 1 || kind == 4;
  SMOL_RETURN_IF_ERROR(read_fields(bytes, ppm));
  ImageHeader& header = ppm.header;
  header.format = "ppm";
  header.max_scale_denominator = 1;
  header.planar = false;
  header.channels = kind % 3 == 0 ? 3 : 1;
  header.bits = ppm.bitmap ? 1 : ppm.maximum < 256 ? 8 : 16;
  header.compressed_bytes = static_cast<std::int64_t>(bytes.size() - ppm.pixels_offset);
  return {};
}

Result<ImageHeader> PpmDecoder::probe(ByteView bytes) {
  SMOL_RETURN_IF_ERROR(read_ppm_header(bytes, ppm_));
  return ppm_.header;
}

Result<DecodeReport> PpmDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  try {
    return decode_picture(bytes, request, consumer);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "no memory for the rows of a PPM", Stage::kDecode};
  }
}

Result<DecodeReport> PpmDecoder::decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  SMOL_RETURN_IF_ERROR(read_ppm_header(bytes, ppm_));
  SMOL_ASSIGN_OR_RETURN(const Rect part, check_request("PPM", ppm_.header, request));
  const Faults faults(request.fail_on, "PPM");
  PpmRows rows(bytes, ppm_, scaling_to_255(), request.format, samples_);
  return deliver_rows(rows, whole_rows(part, ppm_.header), Size{ppm_.header.width, ppm_.header.height}, request, faults,
                      rows_, consumer);
}

/// 8 bits for every sample that can be stored; values above the largest count as the largest.
const std::uint8_t* PpmDecoder::scaling_to_255() {
  std::uint8_t* const table = scaling_.reserve(kMostSamples);
  if (scaled_maximum_ == ppm_.maximum) return table;
  const double maximum = ppm_.maximum;
  for (unsigned i = 0; i < kMostSamples; ++i) {
    // In Pillow's order of operations, halves to even as it has them.
    table[i] = static_cast<std::uint8_t>(std::nearbyint(std::min(i / maximum, 1.0) * 255));
  }
  scaled_maximum_ = ppm_.maximum;
  return table;
}

}  // namespace smol
