#pragma once

#include <array>
#include <memory>

#include "codec/gif_blocks.h"
#include "codec/still_rows.h"

struct GifFileType;

namespace smol {

/// Unpacks the lines of a GIF's first picture in the order they are stored. giflib sees that picture alone: extensions,
/// palettes and what follows stay out of its hands.
class GifLines {
 public:
  explicit GifLines(const GifBlocks& blocks);
  GifLines(const GifLines&) = delete;
  GifLines& operator=(const GifLines&) = delete;
  /// kOutOfMemory, kCorrupt.
  Status open();
  /// The next line's indices, frame.width of them. After the first that is not complete none is.
  RowState read(std::uint8_t* indices);

 private:
  static int on_read(GifFileType* file, std::uint8_t* target, int length);
  RowState state_of_failure() const;

  struct Free {
    void operator()(GifFileType* file) const;
  };
  const GifBlocks& blocks_;
  std::array<std::uint8_t, 23> head_{};
  std::size_t at_ = 0;
  RowState state_ = RowState::kComplete;
  std::unique_ptr<GifFileType, Free> file_;
};

}  // namespace smol
