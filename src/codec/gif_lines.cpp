#include "codec/gif_lines.h"

#include <gif_lib.h>

#include <algorithm>
#include <cstring>

namespace smol {

void GifLines::Free::operator()(GifFileType* file) const { DGifCloseFile(file, nullptr); }

/// Signature, a screen without palette, and the description of a picture without palette that is not interlaced.
GifLines::GifLines(const GifBlocks& blocks) : blocks_(blocks) {
  std::memcpy(head_.data(), "GIF89a", 6);
  const auto write_size = [&](std::size_t at) {
    const Rect& frame = blocks_.frame;
    head_[at] = static_cast<std::uint8_t>(frame.width);
    head_[at + 1] = static_cast<std::uint8_t>(frame.width >> 8);
    head_[at + 2] = static_cast<std::uint8_t>(frame.height);
    head_[at + 3] = static_cast<std::uint8_t>(frame.height >> 8);
  };
  write_size(6);
  head_[13] = ',';
  write_size(18);
}

int GifLines::on_read(GifFileType* file, std::uint8_t* target, int length) {
  auto& self = *static_cast<GifLines*>(file->UserData);
  int done = 0;
  while (done < length) {
    const bool in_head = self.at_ < self.head_.size();
    const ByteView part = in_head ? ByteView(self.head_) : self.blocks_.data;
    const std::size_t offset = in_head ? self.at_ : self.at_ - self.head_.size();
    const std::size_t count = std::min(part.size() - offset, static_cast<std::size_t>(length - done));
    if (count == 0) break;
    std::memcpy(target + done, part.data() + offset, count);
    self.at_ += count;
    done += static_cast<int>(count);
  }
  return done;
}

Status GifLines::open() {
  at_ = 0;
  int failure = 0;
  file_.reset(DGifOpen(this, on_read, &failure));
  GifRecordType record = UNDEFINED_RECORD_TYPE;
  if (file_ && DGifGetRecordType(file_.get(), &record) == GIF_OK && record == IMAGE_DESC_RECORD_TYPE &&
      DGifGetImageDesc(file_.get()) == GIF_OK) {
    return {};
  }
  if (file_) failure = file_->Error;
  if (failure == D_GIF_ERR_NOT_ENOUGH_MEM) {
    return Error{ErrorCode::kOutOfMemory, "no memory for a GIF decompressor", Stage::kDecode};
  }
  const char* const text = GifErrorString(failure);
  return corrupt_error("GIF", text == nullptr ? "it cannot be unpacked" : text);
}

RowState GifLines::read(std::uint8_t* indices) {
  if (state_ != RowState::kComplete) return state_;
  if (DGifGetLine(file_.get(), indices, blocks_.frame.width) == GIF_ERROR) state_ = state_of_failure();
  return state_;
}

RowState GifLines::state_of_failure() const {
  const bool out_of_data =
      blocks_.data_end_early || file_->Error == D_GIF_ERR_EOF_TOO_SOON || at_ == head_.size() + blocks_.data.size();
  return out_of_data ? RowState::kTruncated : RowState::kCorrupt;
}

}  // namespace smol
