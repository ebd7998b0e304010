#pragma once
/// The entropy-coded data of a baseline scan: bits in, coefficients out, a chunk of blocks at a time.

#include <array>
#include <cstdint>

#include "codec/jpeg_huffman.h"

namespace smol {

/// Blocks lie in groups of four neighbours, rows interleaved: coefficient (row, column) of block `slot` is at
/// row * kGroupRow + slot * 8 + column. So a vector of 8, 16 or 32 lanes holds the same row of 1, 2 or 4 blocks.
inline constexpr int kBlocksPerGroup = 4;
inline constexpr int kGroupRow = kBlocksPerGroup * 8;
inline constexpr int kGroupCoefficients = kGroupRow * 8;

/// A chunk is this many MCUs: whole groups for every sampling that is decoded here.
inline constexpr int kChunkMcus = 4;
inline constexpr int kMaxBlocksPerMcu = 6;  ///< 4:2:0
inline constexpr int kMaxChunkGroups = kChunkMcus * kMaxBlocksPerMcu / kBlocksPerGroup;

/// What the scan's data consist of. Constant while a picture is decoded.
struct JpegScanLayout {
  struct Block {
    const JpegHuffmanCode* dc_code = nullptr;
    const JpegHuffmanCode* ac_code = nullptr;
    const JpegDcTable* dc = nullptr;
    const JpegAcTable* ac = nullptr;
    int component = 0;
    int max_dc = 0;                              ///< a first coefficient beyond it is the library's to decode
    const std::int16_t* quantization = nullptr;  ///< in row order
  };
  int blocks_per_mcu = 0;
  std::array<Block, kMaxBlocksPerMcu> blocks;
  /// Where the coefficients of a block of an MCU begin in the chunk.
  std::array<std::array<int, kMaxBlocksPerMcu>, kChunkMcus> offsets{};
  int restart_interval = 0;  ///< in MCUs; 0 = none
};

/// Dequantized coefficients of 8-bit pictures stay within about 1,100. Beyond this, libjpeg-turbo's vector code wraps in one
/// place and saturates in another: only damaged data go there, and the library decides about them.
inline constexpr int kJpegMaxDequantized = 8191;

/// Where decoding stands.
struct JpegScanState {
  const std::uint8_t* next = nullptr;
  const std::uint8_t* end = nullptr;
  std::uint64_t window = 0;  ///< the next bits, left-aligned
  int num_bits = 0;          ///< in the window; bits below are zero or those that `next` gives again
  int num_padding_bits = 0;  ///< among all bits put into the window: zeros in place of data after a marker
  int mcus_to_restart = 0;
  int next_restart = 0;  ///< number of the marker, 0..7
  std::array<int, 3> dc{};

  void begin(const std::uint8_t* first, const std::uint8_t* last, const JpegScanLayout& layout) {
    *this = {};
    next = first;
    end = last;
    mcus_to_restart = layout.restart_interval;
  }
};

/// The scan decoder for one instruction set; all give the same numbers.
struct JpegScanKernels {
  /// Decodes `num_mcus` <= kChunkMcus MCUs into `chunk`, which must be zero, and sets the bits of the groups in which any
  /// block has more than its first coefficient. False on anything that is not plain, complete, correct data.
  bool (*decode)(JpegScanState& state, const JpegScanLayout& layout, int num_mcus, std::int16_t* chunk,
                 std::uint32_t& groups);
  /// Passes over MCUs, any number of them.
  bool (*skip)(JpegScanState& state, const JpegScanLayout& layout, int num_mcus);
  /// Whether an end-of-image marker follows, with nothing but the padding of the last byte before it.
  bool (*at_clean_end)(JpegScanState& state);
};

/// Only on x86, where SSE4.1 is the least.
[[nodiscard]] const JpegScanKernels& jpeg_scan_kernels(bool has_avx2);

}  // namespace smol
