#include "codec/opaque/jpeg2000_stream.h"

#include <algorithm>
#include <cstring>

namespace smol {
namespace {

constexpr OPJ_SIZE_T kFailed = static_cast<OPJ_SIZE_T>(-1);

std::uint32_t number_at(ByteView bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 | std::uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

/// Calls `visit(type, contents)` for each box; false at one that is cut off or when `visit` says so.
template <typename Visit>
bool for_each_box(ByteView bytes, const Visit& visit) {
  std::size_t at = 0;
  while (at + 8 <= bytes.size()) {
    std::uint64_t size = number_at(bytes, at);
    std::size_t header = 8;
    if (size == 1 && at + 16 <= bytes.size()) {
      size = std::uint64_t{number_at(bytes, at + 8)} << 32 | number_at(bytes, at + 12);
      header = 16;
    }
    const std::size_t left = bytes.size() - at;
    if (size == 0) size = left;
    const bool is_cut = size < header || size > left;
    const std::string_view type(reinterpret_cast<const char*>(bytes.data()) + at + 4, 4);
    const std::size_t end = is_cut ? left : static_cast<std::size_t>(size);
    if (end < header || !visit(type, bytes.subspan(at + header, end - header), is_cut) || is_cut) return false;
    at += static_cast<std::size_t>(size);
  }
  return true;
}

/// The codestream in a JP2 file, or all of a raw one; empty where there is none.
ByteView codestream_of(ByteView bytes, bool& is_cut) {
  is_cut = false;
  if (!bytes.empty() && bytes[0] == 0xFF) return bytes;
  ByteView found;
  for_each_box(bytes, [&](std::string_view type, ByteView contents, bool cut) {
    if (type != "jp2c" || !found.empty()) return true;
    found = contents;
    is_cut = cut;
    return true;
  });
  return found;
}

}  // namespace

bool Jpeg2000Stream::open(ByteView bytes) {
  bytes_ = bytes;
  at_ = 0;
  reached_end_ = false;
  stream_.reset(opj_stream_create(std::max<OPJ_SIZE_T>(std::min<OPJ_SIZE_T>(bytes.size(), 1 << 16), 64), OPJ_TRUE));
  if (stream_ == nullptr) return false;
  opj_stream_set_user_data(stream_.get(), this, nullptr);
  opj_stream_set_user_data_length(stream_.get(), bytes.size());
  opj_stream_set_read_function(stream_.get(), read);
  opj_stream_set_skip_function(stream_.get(), skip);
  opj_stream_set_seek_function(stream_.get(), seek);
  return true;
}

OPJ_SIZE_T Jpeg2000Stream::read(void* to, OPJ_SIZE_T num_bytes, void* self) {
  auto& stream = *static_cast<Jpeg2000Stream*>(self);
  const OPJ_SIZE_T count = std::min<OPJ_SIZE_T>(num_bytes, stream.bytes_.size() - stream.at_);
  if (count == 0) {
    stream.reached_end_ = true;
    return kFailed;
  }
  std::memcpy(to, stream.bytes_.data() + stream.at_, count);
  stream.at_ += count;
  return count;
}

OPJ_OFF_T Jpeg2000Stream::skip(OPJ_OFF_T num_bytes, void* self) {
  auto& stream = *static_cast<Jpeg2000Stream*>(self);
  if (num_bytes < 0) return -1;
  const auto left = static_cast<OPJ_OFF_T>(stream.bytes_.size() - stream.at_);
  if (num_bytes > left) stream.reached_end_ = true;
  const OPJ_OFF_T count = std::min(num_bytes, left);
  stream.at_ += static_cast<std::size_t>(count);
  return count > 0 || num_bytes == 0 ? count : -1;
}

OPJ_BOOL Jpeg2000Stream::seek(OPJ_OFF_T offset, void* self) {
  auto& stream = *static_cast<Jpeg2000Stream*>(self);
  if (offset < 0 || offset > static_cast<OPJ_OFF_T>(stream.bytes_.size())) {
    stream.reached_end_ = true;
    return OPJ_FALSE;
  }
  stream.at_ = static_cast<std::size_t>(offset);
  return OPJ_TRUE;
}

bool is_complete_jpeg2000(ByteView bytes) {
  constexpr std::uint8_t kMarker = 0xFF, kStartOfCodestream = 0x4F, kStartOfTilePart = 0x90, kEndOfCodestream = 0xD9;
  bool is_cut = false;
  const ByteView stream = codestream_of(bytes, is_cut);
  if (is_cut || stream.size() < 4 || stream[0] != kMarker || stream[1] != kStartOfCodestream) return false;
  std::size_t at = 2;
  while (at + 2 <= stream.size() && stream[at] == kMarker) {
    if (stream[at + 1] == kEndOfCodestream) return true;
    if (at + 12 > stream.size()) return false;
    if (stream[at + 1] == kStartOfTilePart) {
      const std::uint64_t part_bytes = number_at(stream, at + 6);
      // 0: it goes on to the end marker, which ends the data then.
      if (part_bytes == 0) return stream[stream.size() - 2] == kMarker && stream[stream.size() - 1] == kEndOfCodestream;
      if (part_bytes < 12 || part_bytes > stream.size() - at) return false;
      at += static_cast<std::size_t>(part_bytes);
    } else {
      at += 2 + (std::size_t{stream[at + 2]} << 8 | stream[at + 3]);
    }
  }
  return false;
}

Jpeg2000Colours jpeg2000_colours(ByteView bytes) {
  Jpeg2000Colours colours;
  if (bytes.empty() || bytes[0] == 0xFF) return colours;
  constexpr std::uint32_t kCmykSpace = 12;
  for_each_box(bytes, [&](std::string_view type, ByteView header, bool) {
    if (type != "jp2h") return type != "jp2c";
    for_each_box(header, [&](std::string_view inner, ByteView contents, bool) {
      if (inner == "pclr") colours.palette = true;
      if (inner == "colr" && contents.size() >= 7 && contents[0] == 1) colours.cmyk = number_at(contents, 3) == kCmykSpace;
      return true;
    });
    return true;
  });
  return colours;
}

}  // namespace smol
