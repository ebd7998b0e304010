#pragma once

#include "codec/grow_only_buffer.h"
#include "codec/still_rows.h"
#include "codec/tiff_layout.h"

namespace smol {

/// Memory that a decoder keeps from picture to picture.
struct TiffBuffers {
  GrowOnlyBuffer block, band, row, converted;
};

/// Rows of the first page from strips or tiles. Large strips of interleaved samples are read row by row, all else a row of
/// blocks at a time.
class TiffRows final : public StillRows {
 public:
  TiffRows(TiffFile& file, const TiffLayout& layout, const DecodeRequest& request, TiffBuffers& buffers);
  /// Sets what is delivered: `part` widened to whole blocks. kLimitExceeded, kUnsupported, kCorrupt where blocks are not
  /// what the picture needs.
  Status open(const Rect& part);
  [[nodiscard]] const Rect& delivered() const { return delivered_; }

  RowState write_row(int y, std::uint8_t* out) override;
  [[nodiscard]] std::string_view fault() const override;

 private:
  Status check_blocks() const;
  RowState read_scanline(int y);
  RowState load_band(int y);
  RowState load_tiles(int top);
  RowState load_strips(int top);
  RowState load_raster(int top);
  [[nodiscard]] RowState state_of_block(std::uint32_t block) const;
  void interleave(int line);

  TiffFile& file_;
  const TiffLayout& layout_;
  const DecodeRequest& request_;
  TiffBuffers& buffers_;
  Background background_;
  Palette palette_;
  Rect delivered_;
  bool by_scanline_ = false;
  int first_column_ = 0, num_columns_ = 1;  ///< of tiles
  int next_scanline_ = -1, failed_strip_ = -1;
  RowState strip_state_ = RowState::kComplete, band_state_ = RowState::kComplete;
  int band_top_ = -1;
  std::size_t band_row_bytes_ = 0;
  std::uint8_t *row_ = nullptr, *band_ = nullptr, *converted_ = nullptr;
};

}  // namespace smol
