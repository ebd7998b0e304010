#include "codec/jpeg_baseline.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace smol {
namespace {

/// Before each row of samples, for the one that upsampling reads left of the first.
constexpr std::ptrdiff_t kLeftPadding = 64;
/// "Fancy" upsampling is the library's choice only for more chroma columns than this.
constexpr int kMaxPlainChromaColumns = 2;
constexpr int kDctSize = 8;
/// With the one that waited for the chroma row below it.
constexpr int kMaxRowsAtOnce = 17;

int divide_up(int value, int divisor) { return (value + divisor - 1) / divisor; }

std::ptrdiff_t row_stride(std::size_t row_bytes) {
  return padded_stride_bytes(row_bytes + kLeftPadding + kJpegRowPaddingBytes);
}

}  // namespace

JpegBaseline::JpegBaseline() : JpegBaseline(active_jpeg_kernels()) {}

bool JpegBaseline::accepts(const jpeg_decompress_struct& info, int scale_denominator) {
  if (kernels_ == nullptr || !accept_frame(info, scale_denominator) || !accept_tables(info)) return false;
  layout_.restart_interval = static_cast<int>(info.restart_interval);
  return true;
}

/// One sequential Huffman scan with all components, luma sampled 1x1, 2x1 or 2x2 against chroma.
bool JpegBaseline::accept_frame(const jpeg_decompress_struct& info, int scale_denominator) {
  if (info.progressive_mode || info.arith_code || info.data_precision != 8) return false;
  if (info.comps_in_scan != info.num_components) return false;
  // The library warns of other values, though it decodes the same.
  if (info.Ss != 0 || info.Se != DCTSIZE2 - 1 || info.Ah != 0 || info.Al != 0) return false;
  const bool gray = info.num_components == 1 && info.jpeg_color_space == JCS_GRAYSCALE;
  if (!gray && (info.num_components != 3 || info.jpeg_color_space != JCS_YCbCr)) return false;
  num_components_ = info.num_components;
  // A scan of one component has one block an MCU, whatever its sampling factors say.
  const int horizontal = gray ? 1 : info.comp_info[0].h_samp_factor, vertical = gray ? 1 : info.comp_info[0].v_samp_factor;
  if (horizontal > 2 || vertical > horizontal) return false;
  for (int i = 1; i < num_components_; ++i) {
    if (info.comp_info[i].h_samp_factor != 1 || info.comp_info[i].v_samp_factor != 1) return false;
  }

  const int width = static_cast<int>(info.image_width), height = static_cast<int>(info.image_height);
  const int block_size = kDctSize / scale_denominator;
  size_ = {divide_up(width, scale_denominator), divide_up(height, scale_denominator)};
  mcus_per_row_ = divide_up(width, kDctSize * horizontal);
  mcu_rows_ = divide_up(height, kDctSize * vertical);
  components_[0].horizontal = horizontal;
  components_[0].vertical = vertical;
  components_[0].block_size = block_size;
  components_[0].size = size_;
  // Where luma is scaled, subsampled chroma needs less scaling and no upsampling, if both its axes agree.
  const bool both = horizontal == 2 && vertical == 2, chroma_is_full_size = both && scale_denominator > 1;
  for (int i = 1; i < num_components_; ++i) {
    components_[i].horizontal = components_[i].vertical = 1;
    components_[i].block_size = chroma_is_full_size ? 2 * block_size : block_size;
    components_[i].size = {divide_up(width * components_[i].block_size, kDctSize * horizontal),
                           divide_up(height * components_[i].block_size, kDctSize * vertical)};
  }
  upsampling_ = horizontal == 1 || chroma_is_full_size ? ChromaUpsampling::kNone
                : both                                 ? ChromaUpsampling::kBoth
                                                       : ChromaUpsampling::kHorizontal;
  return upsampling_ == ChromaUpsampling::kNone || (components_[1].size.width > kMaxPlainChromaColumns && block_size > 1);
}

bool JpegBaseline::accept_tables(const jpeg_decompress_struct& info) {
  const auto prepare = [](auto& slot, const JHUFF_TBL* source, JpegHuffmanCode::Class table_class) {
    if (source == nullptr) return false;
    if (slot.code.matches(*source)) return true;
    if (!slot.code.build(*source, table_class)) return false;
    slot.table.build(slot.code);
    return true;
  };
  layout_.blocks_per_mcu = 0;
  for (int i = 0; i < num_components_; ++i) {
    const jpeg_component_info& source = *info.cur_comp_info[i];
    if (source.component_index != i) return false;
    const int dc = source.dc_tbl_no, ac = source.ac_tbl_no, quantization = source.quant_tbl_no;
    if (dc < 0 || dc >= NUM_HUFF_TBLS || ac < 0 || ac >= NUM_HUFF_TBLS || quantization < 0 ||
        quantization >= NUM_QUANT_TBLS) {
      return false;
    }
    if (!prepare(dc_tables_[dc], info.dc_huff_tbl_ptrs[dc], JpegHuffmanCode::Class::kDc) ||
        !prepare(ac_tables_[ac], info.ac_huff_tbl_ptrs[ac], JpegHuffmanCode::Class::kAc)) {
      return false;
    }
    const JQUANT_TBL* const steps = info.quant_tbl_ptrs[quantization];
    if (steps == nullptr) return false;
    Component& component = components_[i];
    for (int k = 0; k < DCTSIZE2; ++k) component.quantization[k] = static_cast<std::int16_t>(steps->quantval[k]);
    // At 1/8 the library looks samples up modulo 1024, so half of the other limit.
    const int step = std::max(1, std::abs(int{component.quantization[0]}));
    const int max_dc = kJpegMaxDequantized / 2 / step;
    for (int k = 0; k < component.horizontal * component.vertical; ++k) {
      layout_.blocks[layout_.blocks_per_mcu++] = {
          &dc_tables_[dc].code,         &ac_tables_[ac].code, &dc_tables_[dc].table, &ac_tables_[ac].table, i, max_dc,
          component.quantization.data()};
    }
  }
  lay_out_chunk();
  return true;
}

/// Every row of a component's blocks fills whole groups.
void JpegBaseline::lay_out_chunk() {
  int first_block = 0;
  for (int i = 0; i < num_components_; ++i) {
    Component& component = components_[i];
    component.transform = std::countr_zero(static_cast<unsigned>(component.block_size));
    component.first_group = first_block;  // four MCUs have as many groups as one has blocks
    const int across = component.horizontal, blocks = across * component.vertical;
    for (int mcu = 0; mcu < kChunkMcus; ++mcu) {
      for (int block = 0; block < blocks; ++block) {
        const int column = mcu * across + block % across;
        const int group = component.first_group + block / across * across + column / kBlocksPerGroup;
        layout_.offsets[mcu][first_block + block] = group * kGroupCoefficients + column % kBlocksPerGroup * 8;
      }
    }
    first_block += blocks;
  }
}

/// The MCUs with samples that the wanted pixels depend on; upsampling looks at the chroma samples around.
void JpegBaseline::choose_mcus(const Rect& wanted, bool planar) {
  const int mcu_width = components_[0].mcu_width(), mcu_height = components_[0].mcu_height();
  const int beside = upsampling_ == ChromaUpsampling::kNone || planar ? 0 : 2;
  const int above = upsampling_ == ChromaUpsampling::kBoth && !planar ? 1 : 0;
  first_mcu_ = std::max(0, wanted.x - beside) / mcu_width;
  end_mcu_ = divide_up(std::min(size_.width, wanted.x + wanted.width + beside), mcu_width);
  first_mcu_row_ = std::max(0, wanted.y - above) / mcu_height;
  end_mcu_row_ = divide_up(std::min(size_.height, wanted.y + wanted.height + above), mcu_height);
}

void JpegBaseline::reserve_planes() {
  const int columns = divide_up(end_mcu_ - first_mcu_, kChunkMcus) * kChunkMcus;
  std::size_t total = 0;
  std::array<std::size_t, 3> starts{};
  for (int i = 0; i < num_components_; ++i) {
    Component& component = components_[i];
    component.stride_bytes = row_stride(static_cast<std::size_t>(columns) * component.mcu_width());
    starts[i] = total + component.stride_bytes + kLeftPadding;  // one row above
    total += component.stride_bytes * (component.mcu_height() + 2);
  }
  std::uint8_t* const planes = planes_.reserve(total);
  for (int i = 0; i < num_components_; ++i) components_[i].rows = planes + starts[i];
}

Result<JpegBaseline::Progress> JpegBaseline::decode(ByteView scan, const Rect& wanted, PixelFormat format,
                                                    const std::stop_token& stop, RowConsumer& consumer) {
  const bool planar = format == PixelFormat::kYcc8Planar;
  choose_mcus(wanted, planar);
  reserve_planes();
  Rect delivered = wanted;
  if (planar) {
    const int mcu_width = components_[0].mcu_width(), mcu_height = components_[0].mcu_height();
    const int left = first_mcu_ * mcu_width, top = first_mcu_row_ * mcu_height;
    delivered = {left, top, std::min(end_mcu_ * mcu_width, size_.width) - left,
                 std::min(end_mcu_row_ * mcu_height, size_.height) - top};
  }
  SMOL_RETURN_IF_ERROR(consumer.begin(delivered, size_, format));
  Progress progress;
  state_.begin(scan.data(), scan.data() + scan.size(), layout_);
  for (int mcu_row = 0; mcu_row < end_mcu_row_; ++mcu_row) {
    if (stop.stop_requested()) return Error{ErrorCode::kCancelled, "stopped on request", Stage::kDecode};
    if (!decode_mcu_row(mcu_row)) {
      progress.gave_up = true;
      return progress;
    }
    if (mcu_row < first_mcu_row_) continue;
    extend_edges(mcu_row);
    const Rect rows = planar ? Rect{0, delivered.y + progress.rows, 0, 0} : ready_rows(mcu_row, wanted);
    const ImageView view = planar ? plane_rows(mcu_row) : convert_rows(mcu_row, rows, format);
    carry_last_rows();
    if (view.height == 0) continue;
    progress.rows += view.height;
    const bool more = consumer.rows(rows.y, view);
    if (!more && mcu_row + 1 < mcu_rows_) return progress;
  }
  // Who has seen the last row hears what follows it.
  const bool at_end = end_mcu_row_ == mcu_rows_ && delivered.y + delivered.height == size_.height;
  progress.gave_up = at_end && !kernels_->scan->at_clean_end(state_);
  return progress;
}

bool JpegBaseline::decode_mcu_row(int mcu_row) {
  const JpegScanKernels& scan = *kernels_->scan;
  if (mcu_row < first_mcu_row_) return scan.skip(state_, layout_, mcus_per_row_);
  if (!scan.skip(state_, layout_, first_mcu_)) return false;
  const std::size_t chunk_bytes = sizeof(std::int16_t) * kGroupCoefficients * layout_.blocks_per_mcu;
  auto* const chunk =
      reinterpret_cast<std::int16_t*>(chunk_.reserve(sizeof(std::int16_t) * kGroupCoefficients * kMaxChunkGroups));
  for (int mcu = first_mcu_; mcu < end_mcu_; mcu += kChunkMcus) {
    std::memset(chunk, 0, chunk_bytes);
    std::uint32_t groups = 0;
    if (!scan.decode(state_, layout_, std::min(kChunkMcus, end_mcu_ - mcu), chunk, groups)) return false;
    transform_chunk(mcu, groups);
  }
  // What lies beside the last wanted row matters only for the verdict on the end of the data.
  const bool is_last = mcu_row + 1 == end_mcu_row_ && end_mcu_row_ < mcu_rows_;
  return is_last || scan.skip(state_, layout_, mcus_per_row_ - end_mcu_);
}

void JpegBaseline::transform_chunk(int first_mcu, std::uint32_t groups) {
  const auto* const chunk = reinterpret_cast<const std::int16_t*>(chunk_.data());
  for (int i = 0; i < num_components_; ++i) {
    const Component& component = components_[i];
    const auto transform = kernels_->inverse_dct[component.transform];
    std::uint8_t* const output = component.rows + (first_mcu - first_mcu_) * component.mcu_width();
    for (int j = 0; j < component.horizontal * component.vertical; ++j) {
      const int group = component.first_group + j;
      std::uint8_t* const target = output + j / component.horizontal * component.block_size * component.stride_bytes +
                                   j % component.horizontal * kBlocksPerGroup * component.block_size;
      const std::int16_t* const coefficients = chunk + group * kGroupCoefficients;
      if ((groups >> group & 1) != 0) {
        transform(coefficients, component.quantization.data(), target, component.stride_bytes);
      } else {
        kernels_->fill_blocks(coefficients, component.quantization[0], component.block_size, target, component.stride_bytes);
      }
    }
  }
}

/// Repeats chroma's outermost samples beyond the picture's borders, which makes the library's special cases for them.
void JpegBaseline::extend_edges(int mcu_row) {
  if (upsampling_ == ChromaUpsampling::kNone) return;
  for (int i = 1; i < num_components_; ++i) {
    const Component& component = components_[i];
    const int last = component.size.width - 1 - first_mcu_ * component.mcu_width();
    const int num_rows = std::min(component.mcu_height(), component.size.height - mcu_row * component.mcu_height());
    for (int y = 0; y < num_rows; ++y) {
      std::uint8_t* const row = component.rows + y * component.stride_bytes;
      if (first_mcu_ == 0) row[-1] = row[0];
      if (end_mcu_ == mcus_per_row_) row[last + 1] = row[last];
    }
    const auto repeat = [&](int from, int to) {
      std::memcpy(component.rows + to * component.stride_bytes - kLeftPadding,
                  component.rows + from * component.stride_bytes - kLeftPadding, component.stride_bytes);
    };
    if (mcu_row == 0) repeat(0, -1);
    if (mcu_row + 1 == mcu_rows_) repeat(num_rows - 1, num_rows);
  }
}

void JpegBaseline::carry_last_rows() {
  if (upsampling_ != ChromaUpsampling::kBoth) return;
  for (int i = 0; i < num_components_; ++i) {
    const Component& component = components_[i];
    std::memcpy(component.rows - component.stride_bytes - kLeftPadding,
                component.rows + (component.mcu_height() - 1) * component.stride_bytes - kLeftPadding,
                component.stride_bytes);
  }
}

Rect JpegBaseline::ready_rows(int mcu_row, const Rect& wanted) const {
  const int mcu_height = components_[0].mcu_height();
  // The last row waits for the chroma row below it.
  const int late = upsampling_ == ChromaUpsampling::kBoth ? 1 : 0;
  const int first = mcu_row * mcu_height - (mcu_row > first_mcu_row_ ? late : 0);
  const int end = mcu_row + 1 == mcu_rows_ ? size_.height : (mcu_row + 1) * mcu_height - late;
  const int top = std::max(first, wanted.y), bottom = std::min(end, wanted.y + wanted.height);
  return {wanted.x, top, wanted.width, std::max(0, bottom - top)};
}

ImageView JpegBaseline::convert_rows(int mcu_row, const Rect& rows, PixelFormat format) {
  const int pixel_bytes = bytes_per_pixel(format);
  // Pairs of pixels share chroma.
  const int first_column = first_mcu_ * components_[0].mcu_width(), from = rows.x & ~1,
            num_pixels = rows.x + rows.width - from;
  ImageView view;
  view.format = format;
  view.width = rows.width;
  view.height = rows.height;
  const int first_row = rows.y - mcu_row * components_[0].mcu_height();
  if (format == PixelFormat::kGray8) {
    const Component& gray = components_[0];
    view.planes[0] = {gray.rows + first_row * gray.stride_bytes + rows.x - first_column, gray.stride_bytes, rows.width,
                      rows.height};
    return view;
  }
  const std::ptrdiff_t stride = row_stride(static_cast<std::size_t>(num_pixels) * pixel_bytes);
  std::uint8_t* const output = rows_.reserve(stride * kMaxRowsAtOnce);
  std::uint8_t* const rgbx =
      pixel_bytes == 4 ? nullptr : rgbx_.reserve(static_cast<std::size_t>(num_pixels) * 4 + kJpegRowPaddingBytes);
  for (int i = 0; i < rows.height; ++i) {
    std::uint8_t* const target = rgbx != nullptr ? rgbx : output + i * stride;
    convert_row(first_row + i, from - first_column, num_pixels, target);
    if (rgbx != nullptr) kernels_->pack_rgb(rgbx, output + i * stride, num_pixels, format == PixelFormat::kBgr8);
  }
  view.planes[0] = {output + static_cast<std::ptrdiff_t>(rows.x - from) * pixel_bytes, stride, rows.width, rows.height};
  return view;
}

/// `row` counts from the top of the MCU row, -1 being the last of the one before.
void JpegBaseline::convert_row(int row, int column, int num_pixels, std::uint8_t* rgbx) const {
  const auto at = [](const Component& component, int y, int x) { return component.rows + y * component.stride_bytes + x; };
  const std::uint8_t* const luma = at(components_[0], row, column);
  if (num_components_ == 1) return kernels_->gray_to_rgbx(luma, rgbx, num_pixels);
  const bool both = upsampling_ == ChromaUpsampling::kBoth;
  const int x = upsampling_ == ChromaUpsampling::kNone ? column : column / 2;
  const int near_row = both ? row >> 1 : row, far_row = both ? near_row + (row % 2 == 0 ? -1 : 1) : row;
  kernels_->ycc_to_rgbx[static_cast<int>(upsampling_)](
      {luma, at(components_[1], near_row, x), at(components_[2], near_row, x), at(components_[1], far_row, x),
       at(components_[2], far_row, x)},
      rgbx, num_pixels);
}

ImageView JpegBaseline::plane_rows(int mcu_row) const {
  ImageView view;
  view.format = PixelFormat::kYcc8Planar;
  for (int i = 0; i < num_components_; ++i) {
    const Component& component = components_[i];
    const int mcu_width = component.mcu_width(), mcu_height = component.mcu_height();
    view.planes[i] = {component.rows, component.stride_bytes,
                      std::min(end_mcu_ * mcu_width, component.size.width) - first_mcu_ * mcu_width,
                      std::min(mcu_height, component.size.height - mcu_row * mcu_height)};
  }
  view.width = view.planes[0].width;
  view.height = view.planes[0].height;
  return view;
}

}  // namespace smol
