#include "codec/tiff_rows.h"

#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace smol {
namespace {

constexpr std::size_t kRasterPixelBytes = 4;
/// Larger strips are read row by row, which takes less memory and stops early, but more time.
constexpr std::size_t kMaxStripBytes = std::size_t{1} << 23;

std::size_t product(std::size_t a, int b) { return a * static_cast<std::size_t>(b); }

}  // namespace

TiffRows::TiffRows(TiffFile& file, const TiffLayout& layout, const DecodeRequest& request, TiffBuffers& buffers)
    : file_(file), layout_(layout), request_(request), buffers_(buffers), palette_(layout.palette) {
  if (layout.header.alpha) background_ = request.background;
}

/// Before anything of a block's size is allocated.
Status TiffRows::check_blocks() const {
  const std::int64_t block_pixels = std::int64_t{layout_.block_width} * layout_.block_height;
  const std::int64_t pixels = std::int64_t{layout_.header.width} * layout_.header.height;
  constexpr std::int64_t kSmall = 1 << 22;
  if (block_pixels > request_.limits.max_pixels || (block_pixels > kSmall && block_pixels / 4 > pixels)) {
    return Error{ErrorCode::kLimitExceeded,
                 "a tile of the TIFF is larger than --max-pixels allows, or much larger than the picture: " +
                     std::to_string(layout_.block_width) + "x" + std::to_string(layout_.block_height),
                 Stage::kDecode};
  }
  return {};
}

Status TiffRows::open(const Rect& part) {
  SMOL_RETURN_IF_ERROR(check_blocks());
  const ImageHeader& header = layout_.header;
  const bool raster = layout_.color == TiffColor::kRaster;
  const auto strip_bytes = product(layout_.row_bytes(header.width), layout_.block_height);
  by_scanline_ = !layout_.tiled && !layout_.planar && !raster && strip_bytes > kMaxStripBytes;
  delivered_ = whole_rows(part, header);
  if (layout_.tiled && !raster) {
    first_column_ = part.x / layout_.block_width;
    num_columns_ = (part.x + part.width - 1) / layout_.block_width - first_column_ + 1;
    delivered_.x = first_column_ * layout_.block_width;
    delivered_.width = std::min(header.width - delivered_.x, num_columns_ * layout_.block_width);
  }
  const int stored_width = layout_.tiled && !raster ? num_columns_ * layout_.block_width : header.width;
  constexpr std::size_t kWidestPixel = 16;
  row_ = buffers_.row.reserve(product(kWidestPixel, stored_width));
  converted_ = buffers_.converted.reserve(product(4, stored_width) + 8);
  if (by_scanline_) {
    const tmsize_t size = TIFFScanlineSize(file_.get());
    if (size < static_cast<tmsize_t>(layout_.row_bytes(header.width))) return corrupt_error("TIFF", "rows are too short");
    row_ = buffers_.row.reserve(static_cast<std::size_t>(size));
    return {};
  }
  if (raster) {
    band_row_bytes_ = product(kRasterPixelBytes, header.width);
  } else if (layout_.tiled) {
    const auto tile_row_bytes = static_cast<std::size_t>(TIFFTileRowSize(file_.get()));
    const auto tile_bytes = static_cast<std::size_t>(TIFFTileSize(file_.get()));
    if (tile_row_bytes != layout_.row_bytes(layout_.block_width) ||
        tile_bytes < product(tile_row_bytes, layout_.block_height)) {
      return corrupt_error("TIFF", "tiles of a wrong size");
    }
    buffers_.block.reserve(tile_bytes);
    band_row_bytes_ = product(tile_row_bytes, num_columns_);
  } else {
    band_row_bytes_ = layout_.row_bytes(header.width);
    if (static_cast<std::size_t>(TIFFStripSize(file_.get())) != strip_bytes) {
      return corrupt_error("TIFF", "strips of a wrong size");
    }
  }
  const int num_planes = layout_.planar ? layout_.samples : 1;
  band_ = buffers_.band.reserve(product(product(band_row_bytes_, layout_.block_height), num_planes));
  return {};
}

std::string_view TiffRows::fault() const {
  const std::string_view text = file_.messages().text();
  return text.empty() ? "broken pixel data" : text;
}

RowState TiffRows::state_of_block(std::uint32_t block) const {
  const std::uint64_t offset = TIFFGetStrileOffset(file_.get(), block), size = TIFFGetStrileByteCount(file_.get(), block);
  const std::uint64_t total = file_.bytes().size();
  return offset > total || total - offset < size ? RowState::kTruncated : RowState::kCorrupt;
}

RowState TiffRows::read_scanline(int y) {
  const int strip = y / layout_.block_height;
  if (strip == failed_strip_) return strip_state_;
  // Only rows that follow one another can be read; others from the beginning of their strip on.
  int at = std::max(next_scanline_, strip * layout_.block_height);
  for (; at <= y; ++at) {
    if (at % 64 == 0 && request_.stop.stop_requested()) return RowState::kTruncated;
    if (TIFFReadScanline(file_.get(), row_, static_cast<std::uint32_t>(at), 0) == 1) continue;
    failed_strip_ = strip;
    strip_state_ = state_of_block(static_cast<std::uint32_t>(strip));
    return strip_state_;
  }
  next_scanline_ = at;
  return RowState::kComplete;
}

RowState TiffRows::load_tiles(int top) {
  const int num_planes = layout_.planar ? layout_.samples : 1;
  const std::size_t tile_row_bytes = layout_.row_bytes(layout_.block_width);
  const std::size_t plane_bytes = product(band_row_bytes_, layout_.block_height);
  std::uint8_t* const tile = buffers_.block.data();
  const auto tile_bytes = static_cast<tmsize_t>(product(tile_row_bytes, layout_.block_height));
  for (int plane = 0; plane < num_planes; ++plane) {
    for (int column = 0; column < num_columns_; ++column) {
      if (request_.stop.stop_requested()) return RowState::kTruncated;
      const auto x = static_cast<std::uint32_t>((first_column_ + column) * layout_.block_width);
      const std::uint32_t number =
          TIFFComputeTile(file_.get(), x, static_cast<std::uint32_t>(top), 0, static_cast<std::uint16_t>(plane));
      if (TIFFReadEncodedTile(file_.get(), number, tile, tile_bytes) != tile_bytes) return state_of_block(number);
      std::uint8_t* target = band_ + product(plane_bytes, plane) + product(tile_row_bytes, column);
      for (int line = 0; line < layout_.block_height; ++line, target += band_row_bytes_) {
        std::memcpy(target, tile + product(tile_row_bytes, line), tile_row_bytes);
      }
    }
  }
  return RowState::kComplete;
}

RowState TiffRows::load_strips(int top) {
  // Lines below the region stay packed.
  const int num_lines = std::min(layout_.block_height, delivered_.y + delivered_.height - top);
  const auto size = static_cast<tmsize_t>(product(band_row_bytes_, num_lines));
  const std::size_t plane_bytes = product(band_row_bytes_, layout_.block_height);
  const int num_planes = layout_.planar ? layout_.samples : 1;
  for (int plane = 0; plane < num_planes; ++plane) {
    if (request_.stop.stop_requested()) return RowState::kTruncated;
    const std::uint32_t strip =
        TIFFComputeStrip(file_.get(), static_cast<std::uint32_t>(top), static_cast<std::uint16_t>(plane));
    std::uint8_t* const target = band_ + product(plane_bytes, plane);
    if (TIFFReadEncodedStrip(file_.get(), strip, target, size) != size) return state_of_block(strip);
  }
  return RowState::kComplete;
}

/// libtiff turns pictures by their orientation unless that is what is asked for.
RowState TiffRows::load_raster(int top) {
  TIFFRGBAImage image;
  char message[1024] = "";
  if (TIFFRGBAImageBegin(&image, file_.get(), 1, message) != 1) return RowState::kCorrupt;
  image.req_orientation = image.orientation;
  image.row_offset = top;
  image.col_offset = 0;
  const auto num_lines = static_cast<std::uint32_t>(std::min(layout_.block_height, layout_.header.height - top));
  const auto width = static_cast<std::uint32_t>(layout_.header.width);
  const int done = TIFFRGBAImageGet(&image, reinterpret_cast<std::uint32_t*>(band_), width, num_lines);
  TIFFRGBAImageEnd(&image);
  return done == 1 ? RowState::kComplete
                   : state_of_block(layout_.tiled ? TIFFComputeTile(file_.get(), 0, static_cast<std::uint32_t>(top), 0, 0)
                                                  : TIFFComputeStrip(file_.get(), static_cast<std::uint32_t>(top), 0));
}

RowState TiffRows::load_band(int y) {
  const int top = y / layout_.block_height * layout_.block_height;
  if (top == band_top_) return band_state_;
  band_top_ = top;
  band_state_ = layout_.color == TiffColor::kRaster ? load_raster(top) : layout_.tiled ? load_tiles(top) : load_strips(top);
  return band_state_;
}

/// Line `line` of the band to row_, samples of a pixel side by side.
void TiffRows::interleave(int line) {
  const std::uint8_t* const start = band_ + product(band_row_bytes_, line);
  if (!layout_.planar) {
    std::memcpy(row_, start, band_row_bytes_);
    return;
  }
  const std::size_t plane_bytes = product(band_row_bytes_, layout_.block_height);
  const int sample_bytes = layout_.bits / 8, samples = layout_.samples;
  for (int plane = 0; plane < samples; ++plane) {
    const std::uint8_t* const from = start + product(plane_bytes, plane);
    for (int x = 0; x < delivered_.width; ++x) {
      std::memcpy(row_ + (x * samples + plane) * sample_bytes, from + x * sample_bytes,
                  static_cast<std::size_t>(sample_bytes));
    }
  }
}

RowState TiffRows::write_row(int y, std::uint8_t* out) {
  const int width = delivered_.width;
  const RowState state = by_scanline_ ? read_scanline(y) : load_band(y);
  if (state != RowState::kComplete) return state;
  if (!by_scanline_) interleave(y - band_top_);
  if (layout_.color == TiffColor::kPalette) {
    convert_tiff_indices(layout_, row_, width, converted_);
    write_indexed(palette_, converted_, width, request_.format, out);
    return state;
  }
  const std::uint8_t* samples = row_;
  if (layout_.needs_conversion()) {
    convert_tiff_row(layout_, row_, width, converted_);
    samples = converted_;
  }
  write_pixels(layout_.order(), samples, width, request_.format, background_, out);
  return state;
}

}  // namespace smol
