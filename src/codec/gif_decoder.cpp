#include "codec/gif_decoder.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "codec/gif_lines.h"
#include "codec/still_rows.h"

namespace smol {
namespace {

struct InterlacePass {
  int first, step;
};
constexpr InterlacePass kPasses[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}};

/// Rows of the screen: the first picture, and one colour around it.
class GifRows final : public StillRows {
 public:
  GifRows(const GifBlocks& blocks, GifLines& lines, PixelFormat format, std::uint8_t* indices)
      : blocks_(blocks), lines_(lines), format_(format), indices_(indices) {}

  /// Interlaced pictures are unpacked as a whole: `picture` and `states` hold all their lines.
  Status read_all(std::uint8_t* picture, std::uint8_t* states, const std::stop_token& stop) {
    picture_ = picture;
    states_ = states;
    const Rect& frame = blocks_.frame;
    for (const auto& [first, step] : kPasses) {
      for (int y = first; y < frame.height; y += step) {
        if (y % 64 == 0 && stop.stop_requested()) return cancelled_error();
        const RowState state = lines_.read(picture + static_cast<std::size_t>(y) * static_cast<std::size_t>(frame.width));
        states[y] = static_cast<std::uint8_t>(state);
      }
    }
    return {};
  }

  RowState write_row(int y, std::uint8_t* out) override {
    const Rect& frame = blocks_.frame;
    const int width = blocks_.header.width, line = y - frame.y;
    std::memset(indices_, blocks_.uncovered_index, static_cast<std::size_t>(width));
    RowState state = RowState::kComplete;
    if (frame.width > 0 && line >= 0 && line < frame.height) state = read_line(line, indices_ + frame.x);
    if (state == RowState::kComplete) write_indexed(blocks_.palette, indices_, width, format_, out);
    return state;
  }

 private:
  RowState read_line(int line, std::uint8_t* indices) {
    const auto width = static_cast<std::size_t>(blocks_.frame.width);
    if (picture_ != nullptr) {
      std::memcpy(indices, picture_ + static_cast<std::size_t>(line) * width, width);
      return static_cast<RowState>(states_[line]);
    }
    RowState state = RowState::kComplete;
    // Each line is read once; lines above the region only to get past them.
    for (; next_line_ <= line; ++next_line_) state = lines_.read(indices);
    return state;
  }

  const GifBlocks& blocks_;
  GifLines& lines_;
  PixelFormat format_;
  std::uint8_t* indices_;
  const std::uint8_t* picture_ = nullptr;
  const std::uint8_t* states_ = nullptr;
  int next_line_ = 0;
};

}  // namespace

Result<ImageHeader> GifDecoder::probe(ByteView bytes) {
  Faults faults(FailOn::kNone, "GIF");
  SMOL_RETURN_IF_ERROR(read_gif_blocks(bytes, faults, blocks_));
  return blocks_.header;
}

Result<DecodeReport> GifDecoder::decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  try {
    return decode_picture(bytes, request, consumer);
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kOutOfMemory, "no memory for the rows of a GIF", Stage::kDecode};
  }
}

Result<DecodeReport> GifDecoder::decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) {
  Faults faults(request.fail_on, "GIF");
  SMOL_RETURN_IF_ERROR(read_gif_blocks(bytes, faults, blocks_));
  const ImageHeader& header = blocks_.header;
  SMOL_ASSIGN_OR_RETURN(const Rect part, check_request("GIF", header, request));
  blocks_.palette.composite_on(request.background);
  GifLines lines(blocks_);
  SMOL_RETURN_IF_ERROR(lines.open());
  const std::size_t frame_bytes =
      static_cast<std::size_t>(blocks_.frame.width) * static_cast<std::size_t>(blocks_.frame.height);
  const auto width = static_cast<std::size_t>(header.width);
  std::uint8_t* const indices = indices_.reserve(width + (blocks_.interlaced ? frame_bytes : 0));
  GifRows rows(blocks_, lines, request.format, indices);
  if (blocks_.interlaced) {
    std::uint8_t* const states = states_.reserve(static_cast<std::size_t>(blocks_.frame.height) + 1);
    SMOL_RETURN_IF_ERROR(rows.read_all(indices + width, states, request.stop));
  }
  return deliver_rows(rows, whole_rows(part, header), Size{header.width, header.height}, request, faults, rows_, consumer);
}

}  // namespace smol
