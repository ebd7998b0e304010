#include <spng.h>

#include <algorithm>
#include <cstring>

#include "codec/png_rows.h"

namespace smol {
namespace {

constexpr std::size_t kReadPastEnd = 64;

void write_u32(std::uint8_t* bytes, std::size_t value) {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// Writes length and type; returns where the payload goes.
std::uint8_t* write_chunk_header(std::uint8_t* at, const char* type, std::size_t length) {
  write_u32(at, length);
  std::memcpy(at + 4, type, 4);
  return at + 8;
}

struct Adam7Pass {
  int x, y, step_x, step_y;
};
constexpr std::array<Adam7Pass, 7> kPasses{
    {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};

/// Puts the pixels of a pass's row where they belong in a row of `width` pixels. libspng 0.7.3 does this itself, but
/// scales grey below 8 bits on the way.
void scatter(const std::uint8_t* from, const Adam7Pass& pass, int width, int bits_per_pixel, std::uint8_t* row) {
  if (bits_per_pixel >= 8) {
    const int size = bits_per_pixel / 8;
    for (int x = pass.x; x < width; x += pass.step_x, from += size)
      std::memcpy(row + x * size, from, static_cast<std::size_t>(size));
    return;
  }
  const int mask = (1 << bits_per_pixel) - 1;
  int bit = 0;
  for (int x = pass.x; x < width; x += pass.step_x, bit += bits_per_pixel) {
    const int sample = from[bit / 8] >> (8 - bits_per_pixel - bit % 8) & mask;
    const int target_bit = x * bits_per_pixel, shift = 8 - bits_per_pixel - target_bit % 8;
    std::uint8_t& target = row[target_bit / 8];
    target = static_cast<std::uint8_t>((target & ~(mask << shift)) | sample << shift);
  }
}

Error failed(int spng_error) {
  return Error{spng_error == SPNG_EMEM ? ErrorCode::kOutOfMemory : ErrorCode::kCorrupt,
               std::string("PNG decoding failed: ") + spng_strerror(spng_error), Stage::kDecode};
}

}  // namespace

void StreamedPngRows::Free::operator()(spng_ctx* context) const { spng_ctx_free(context); }

/// Checksums are left out: read_png_chunks() has checked those of the file, and libspng is told to ignore them.
void StreamedPngRows::write_head() {
  const ImageHeader& header = chunks_->header;
  std::uint8_t* at = head_.data();
  constexpr std::array<std::uint8_t, 8> kSignature{0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  at = std::copy(kSignature.begin(), kSignature.end(), at);
  at = write_chunk_header(at, "IHDR", 13);
  write_u32(at, static_cast<std::size_t>(header.width));
  write_u32(at + 4, static_cast<std::size_t>(header.height));
  at[8] = static_cast<std::uint8_t>(header.bits);
  at[9] = static_cast<std::uint8_t>(chunks_->color);
  at[10] = at[11] = 0;
  at[12] = header.progressive ? 1 : 0;
  at += 13 + 4;
  if (header.palette) {
    const int num_entries = 1 << header.bits;
    at = write_chunk_header(at, "PLTE", static_cast<std::size_t>(3 * num_entries));
    for (int i = 0; i < num_entries; ++i, at += 3) std::memcpy(at, &chunks_->palette.rgba[4 * i], 3);
    at += 4;
  }
  at = write_chunk_header(at, "IDAT", static_cast<std::size_t>(header.compressed_bytes));
  head_bytes_ = static_cast<std::size_t>(at - head_.data());
  tail_.fill(0);
  write_chunk_header(tail_.data() + 4, "IEND", 0);
}

/// Serves head, IDAT payloads and tail as one stream.
int StreamedPngRows::on_read(spng_ctx*, void* user, void* target, std::size_t length) {
  auto& self = *static_cast<StreamedPngRows*>(user);
  auto* out = static_cast<std::uint8_t*>(target);
  const std::size_t num_segments = self.chunks_->data.size() + 2;
  while (length > 0) {
    if (self.segment_ == num_segments) return SPNG_IO_EOF;
    const ByteView segment = self.segment_ == 0                  ? ByteView(self.head_.data(), self.head_bytes_)
                             : self.segment_ == num_segments - 1 ? ByteView(self.tail_)
                                                                 : self.chunks_->data[self.segment_ - 1];
    const std::size_t count = std::min(length, segment.size() - self.offset_);
    std::memcpy(out, segment.data() + self.offset_, count);
    out += count;
    length -= count;
    self.offset_ += count;
    if (self.offset_ == segment.size()) {
      ++self.segment_;
      self.offset_ = 0;
    }
  }
  return 0;
}

Status StreamedPngRows::open(const PngChunks& chunks, const std::stop_token& stop) {
  constexpr std::int64_t kMaxChunk = 0x7FFFFFFF;
  chunks_ = &chunks;
  segment_ = offset_ = 0;
  next_row_ = 0;
  end_ = PngEnd::kNone;
  if (chunks.header.compressed_bytes > kMaxChunk) {
    return Error{ErrorCode::kLimitExceeded, "PNG has more than 2 GiB of compressed pixels", Stage::kDecode};
  }
  write_head();
  context_.reset(spng_ctx_new(0));
  if (!context_) return failed(SPNG_EMEM);
  spng_set_image_limits(context_.get(), 0x7FFFFFFF, 0x7FFFFFFF);
  spng_set_crc_action(context_.get(), SPNG_CRC_USE, SPNG_CRC_USE);
  spng_set_png_stream(context_.get(), on_read, this);
  complete_rows_ = 0;
  whole_ = chunks.header.progressive;
  const int started = spng_decode_image(context_.get(), nullptr, 0, SPNG_FMT_RAW, SPNG_DECODE_PROGRESSIVE);
  if (started == SPNG_EMEM) return failed(started);
  if (started != SPNG_OK) stop_at(started);
  return whole_ ? read_all_passes(stop) : Status();
}

Status StreamedPngRows::read_all_passes(const std::stop_token& stop) {
  constexpr std::uint8_t kMissing = 128;
  const std::size_t row_bytes = chunks_->row_bytes();
  const std::size_t size = row_bytes * static_cast<std::size_t>(chunks_->header.height);
  std::uint8_t* const picture = rows_.reserve(size + kReadPastEnd);
  std::memset(picture, chunks_->header.palette ? 0 : kMissing, size);
  std::uint8_t* const pass_row = pass_row_.reserve(row_bytes);
  while (end_ == PngEnd::kNone) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "stopped on request", Stage::kDecode};
    spng_row_info row{};
    int result = spng_get_row_info(context_.get(), &row);
    if (result == SPNG_OK) {
      // The last pass holds every second row; the rows above it are complete.
      if (row.pass == 6) complete_rows_ = static_cast<int>(row.row_num);
      result = spng_decode_scanline(context_.get(), pass_row, row_bytes);
    }
    if (result == SPNG_OK || result == SPNG_EOI) {
      scatter(pass_row, kPasses[row.pass], chunks_->header.width, chunks_->bits_per_pixel(),
              picture + row.row_num * row_bytes);
    }
    if (result == SPNG_EOI) {
      complete_rows_ = chunks_->header.height;
      break;
    }
    if (result != SPNG_OK) stop_at(result);
  }
  return {};
}

void StreamedPngRows::stop_at(int spng_error) {
  // With what the file has of it, the one IDAT chunk ends before the picture does.
  const bool too_short = spng_error == SPNG_EIDAT_TOO_SHORT || spng_error == SPNG_IO_EOF;
  end_ = chunks_->ends_early || too_short ? PngEnd::kTruncated : PngEnd::kCorrupt;
}

std::uint8_t* StreamedPngRows::next() {
  const std::size_t row_bytes = chunks_->row_bytes();
  if (whole_) return rows_.data() + row_bytes * static_cast<std::size_t>(next_row_++);
  if (end_ != PngEnd::kNone) return nullptr;
  std::uint8_t* const row = rows_.reserve(row_bytes + kReadPastEnd);
  const int result = spng_decode_row(context_.get(), row, row_bytes);
  if (result != SPNG_OK && result != SPNG_EOI) {
    stop_at(result);
    return nullptr;
  }
  ++next_row_;
  return row;
}

}  // namespace smol
