#include <libdeflate.h>

#include <cstring>

#include "codec/png_rows.h"

namespace smol {
namespace {

constexpr std::size_t kZlibHeaderBytes = 2, kAdlerBytes = 4, kReadPastEnd = 64;

/// RFC 1950: deflate, no preset dictionary, checked header.
bool is_zlib_header(ByteView data) {
  return data.size() >= kZlibHeaderBytes && (data[0] & 15) == 8 && data[0] >> 4 <= 7 && (data[1] & 0x20) == 0 &&
         (data[0] << 8 | data[1]) % 31 == 0;
}

std::uint32_t read_u32(ByteView bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

}  // namespace

void InflatedPngRows::Free::operator()(libdeflate_decompressor* decompressor) const {
  libdeflate_free_decompressor(decompressor);
}

InflatedPngRows::InflatedPngRows() = default;
InflatedPngRows::~InflatedPngRows() = default;

/// One IDAT chunk is used in place; several are copied together.
ByteView InflatedPngRows::joined_data(const PngChunks& chunks) {
  if (chunks.data.empty()) return {};
  if (chunks.data.size() == 1) return chunks.data.front();
  std::uint8_t* const joined = compressed_.reserve(static_cast<std::size_t>(chunks.header.compressed_bytes));
  std::size_t size = 0;
  for (const ByteView part : chunks.data) {
    std::memcpy(joined + size, part.data(), part.size());
    size += part.size();
  }
  return {joined, size};
}

Result<InflatedPngRows::Outcome> InflatedPngRows::open(const PngChunks& chunks, Faults& faults) {
  if (!decompressor_) decompressor_.reset(libdeflate_alloc_decompressor());
  if (!decompressor_) return Error{ErrorCode::kOutOfMemory, "no memory for a PNG decompressor", Stage::kDecode};
  row_bytes_ = chunks.row_bytes();
  filter_bytes_ = chunks.filter_bytes();
  next_row_ = 0;
  end_ = PngEnd::kNone;
  const std::size_t expected = (row_bytes_ + 1) * chunks.header.height;
  std::uint8_t* const inflated = inflated_.reserve(expected + kReadPastEnd);
  const ByteView data = joined_data(chunks);
  if (!is_zlib_header(data)) return Outcome::kBroken;

  std::size_t used = 0, produced = 0;
  const ByteView deflated = data.subspan(kZlibHeaderBytes);
  const auto result = libdeflate_deflate_decompress_ex(decompressor_.get(), deflated.data(), deflated.size(), inflated,
                                                       expected, &used, &produced);
  if (result == LIBDEFLATE_INSUFFICIENT_SPACE) return Outcome::kSurplus;
  if (result != LIBDEFLATE_SUCCESS) return Outcome::kBroken;
  available_rows_ = produced / (row_bytes_ + 1);
  const ByteView trailer = deflated.subspan(used);
  if (trailer.size() < kAdlerBytes) {
    SMOL_RETURN_IF_ERROR(faults.note(Fault::kHarmless, "no checksum of the pixels"));
  } else if (read_u32(trailer) != libdeflate_adler32(1, inflated, produced)) {
    SMOL_RETURN_IF_ERROR(faults.note(Fault::kRecovered, "checksum of the pixels"));
  }
  return Outcome::kOk;
}

std::uint8_t* InflatedPngRows::next() {
  if (end_ != PngEnd::kNone) return nullptr;
  if (next_row_ == available_rows_) {
    end_ = PngEnd::kTruncated;
    return nullptr;
  }
  std::uint8_t* const filtered = inflated_.data() + next_row_ * (row_bytes_ + 1);
  const std::uint8_t* previous = filtered - row_bytes_;
  if (next_row_ == 0) {
    std::uint8_t* const zeros = zeros_.reserve(row_bytes_ + kReadPastEnd);
    std::memset(zeros, 0, row_bytes_ + kReadPastEnd);
    previous = zeros;
  }
  if (!unfilter_row(kernel_, filtered[0], filtered + 1, previous, row_bytes_, filter_bytes_)) {
    end_ = PngEnd::kCorrupt;
    return nullptr;
  }
  ++next_row_;
  return filtered + 1;
}

}  // namespace smol
