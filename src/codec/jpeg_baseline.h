#pragma once

#include <array>
#include <cstdint>

#include "codec/grow_only_buffer.h"
#include "codec/jpeg_kernels.h"
#include "smol/codec.h"

namespace smol {

/// Decodes the JPEGs that matter most (sequential Huffman coding in one scan; grey, 4:4:4, 4:2:2, 4:2:0) two to three times
/// as fast as libjpeg-turbo and to the same bits: several symbols a lookup, inverse DCT only where pixels are wanted, four
/// blocks a vector. Anything else, and the first irregularity in the data, is left to the library. Owns its buffers; not
/// thread-safe.
class JpegBaseline {
 public:
  /// With active_jpeg_kernels().
  JpegBaseline();
  explicit JpegBaseline(const JpegKernels* kernels) : kernels_(kernels) {}

  /// Whether pictures like this one (its header has just been read) are decoded here, at that scale. Keeps what it needs.
  [[nodiscard]] bool accepts(const jpeg_decompress_struct& info, int scale_denominator);
  [[nodiscard]] Size scaled_size() const { return size_; }

  struct Progress {
    int rows = 0;          ///< delivered, from the top of the announced rectangle
    bool gave_up = false;  ///< the rest, or the verdict about what follows the last row, is the library's
  };
  /// Decodes the picture accepted last. `scan` begins after the SOS segment; `wanted` lies inside scaled_size().
  /// Planes are delivered in whole MCUs, for kYcc8Planar of colour pictures.
  Result<Progress> decode(ByteView scan, const Rect& wanted, PixelFormat format, const std::stop_token& stop,
                          RowConsumer& consumer);

 private:
  struct Component {
    int horizontal = 1, vertical = 1;  ///< blocks of an MCU
    int block_size = 8;                ///< samples of a block at this scale: 1, 2, 4, 8
    int transform = 3;                 ///< index of the inverse DCT
    Size size;                         ///< samples of the scaled picture
    int first_group = 0;               ///< in a chunk
    std::array<std::int16_t, 64> quantization{};
    std::uint8_t* rows = nullptr;  ///< the current MCU row, from column first_mcu_; row -1 is that before it
    std::ptrdiff_t stride_bytes = 0;
    [[nodiscard]] int mcu_width() const { return horizontal * block_size; }
    [[nodiscard]] int mcu_height() const { return vertical * block_size; }
  };

  bool accept_frame(const jpeg_decompress_struct& info, int scale_denominator);
  bool accept_tables(const jpeg_decompress_struct& info);
  void lay_out_chunk();
  void choose_mcus(const Rect& wanted, bool planar);
  void reserve_planes();
  bool decode_mcu_row(int mcu_row);
  void transform_chunk(int first_mcu, std::uint32_t groups);
  void extend_edges(int mcu_row);
  void carry_last_rows();
  /// Rows that can be converted once that MCU row is there.
  [[nodiscard]] Rect ready_rows(int mcu_row, const Rect& wanted) const;
  [[nodiscard]] ImageView convert_rows(int mcu_row, const Rect& rows, PixelFormat format);
  void convert_row(int row, int column, int num_pixels, std::uint8_t* rgbx) const;
  [[nodiscard]] ImageView plane_rows(int mcu_row) const;

  const JpegKernels* kernels_ = nullptr;  ///< null where there are none: then nothing is accepted
  struct DcTable {
    JpegHuffmanCode code;
    JpegDcTable table;
  };
  struct AcTable {
    JpegHuffmanCode code;
    JpegAcTable table;
  };
  std::array<DcTable, NUM_HUFF_TBLS> dc_tables_;  ///< as numbered in the file, kept from picture to picture
  std::array<AcTable, NUM_HUFF_TBLS> ac_tables_;
  JpegScanLayout layout_;
  JpegScanState state_;

  int num_components_ = 0;
  std::array<Component, 3> components_;
  ChromaUpsampling upsampling_ = ChromaUpsampling::kNone;
  Size size_;
  int mcus_per_row_ = 0, mcu_rows_ = 0;
  int first_mcu_ = 0, end_mcu_ = 0, first_mcu_row_ = 0, end_mcu_row_ = 0;  ///< those with wanted samples

  GrowOnlyBuffer chunk_, planes_, rgbx_, rows_;
};

}  // namespace smol
