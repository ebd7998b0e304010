// Compiled once for each instruction set by Highway, for its scalar instructions: shifts by a register without flags (BMI2)
// are on the path from one symbol to the next.
#include "codec/jpeg_scan.h"

#include <cstdlib>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "codec/jpeg_scan.cpp"
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL | HWY_AVX3)
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
HWY_BEFORE_NAMESPACE();
namespace smol::HWY_NAMESPACE {
namespace {

using Code = JpegHuffmanCode;
using Table = JpegAcTable;

constexpr int kLookupShift = 64 - Code::kLookupBits;
/// What refill() guarantees.
constexpr int kBitsAfterRefill = 56;
constexpr int kLookupsPerRefill = kBitsAfterRefill / Code::kLookupBits;
constexpr std::uint8_t kEndOfImage = 0xD9, kFirstRestart = 0xD0;

/// Offset in a group of a block's coefficient, by its zigzag index (T.81 figure 5).
constexpr std::uint8_t kZigzagOffsets[64] = {
#define AT(row, column) (row) * kGroupRow + (column)
    AT(0, 0), AT(0, 1), AT(1, 0), AT(2, 0), AT(1, 1), AT(0, 2), AT(0, 3), AT(1, 2), AT(2, 1), AT(3, 0), AT(4, 0),
    AT(3, 1), AT(2, 2), AT(1, 3), AT(0, 4), AT(0, 5), AT(1, 4), AT(2, 3), AT(3, 2), AT(4, 1), AT(5, 0), AT(6, 0),
    AT(5, 1), AT(4, 2), AT(3, 3), AT(2, 4), AT(1, 5), AT(0, 6), AT(0, 7), AT(1, 6), AT(2, 5), AT(3, 4), AT(4, 3),
    AT(5, 2), AT(6, 1), AT(7, 0), AT(7, 1), AT(6, 2), AT(5, 3), AT(4, 4), AT(3, 5), AT(2, 6), AT(1, 7), AT(2, 7),
    AT(3, 6), AT(4, 5), AT(5, 4), AT(6, 3), AT(7, 2), AT(7, 3), AT(6, 4), AT(5, 5), AT(4, 6), AT(3, 7), AT(4, 7),
    AT(5, 6), AT(6, 5), AT(7, 4), AT(7, 5), AT(6, 6), AT(5, 7), AT(6, 7), AT(7, 6), AT(7, 7)
#undef AT
};
/// The bit window. A local variable whose address is never taken on the fast path, so that it stays in registers.
struct BitReader {
  std::uint64_t window;
  const std::uint8_t* next;
  const std::uint8_t* end;
  int num_bits;

  HWY_INLINE explicit BitReader(const JpegScanState& state)
      : window(state.window), next(state.next), end(state.end), num_bits(state.num_bits) {}
  HWY_INLINE void store(JpegScanState& state) const {
    state.window = window;
    state.next = next;
    state.num_bits = num_bits;
  }

  [[nodiscard]] HWY_INLINE std::uint32_t peek16() const { return static_cast<std::uint32_t>(window >> 48); }
  HWY_INLINE void consume(int count) {
    window <<= count;
    num_bits -= count;
  }

  /// At least kBitsAfterRefill bits.
  HWY_INLINE void refill(JpegScanState& state) {
    if (HWY_LIKELY(end - next >= 8)) {
      std::uint64_t bytes;
      std::memcpy(&bytes, next, sizeof bytes);
      // A byte of all ones is a marker or stuffed; one in 256 is, and left to the slow path. Looked for only as far as bytes
      // are taken, and in the one behind, whose first bits come along.
      constexpr std::uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
      if (HWY_LIKELY(((~bytes - kOnes) & bytes & (kTops >> (num_bits & 56))) == 0)) {
        window |= __builtin_bswap64(bytes) >> num_bits;
        next += (63 - num_bits) >> 3;
        num_bits |= kBitsAfterRefill;
        return;
      }
    }
    *this = refilled_bytewise(*this, state);
  }

 private:
  static HWY_NOINLINE BitReader refilled_bytewise(BitReader reader, JpegScanState& state) {
    while (reader.num_bits < kBitsAfterRefill) {
      const std::uint8_t* const at = reader.next;
      if (at == reader.end || (*at == 0xFF && (reader.end - at < 2 || at[1] != 0))) {
        state.num_padding_bits += 8;  // never passes a marker
      } else {
        reader.window |= std::uint64_t{*at} << (56 - reader.num_bits);
        reader.next += *at == 0xFF ? 2 : 1;
      }
      reader.num_bits += 8;
    }
    return reader;
  }
};

/// Bits of data, without padding, that are left in the window.
int bits_left(const JpegScanState& state) { return state.num_bits - state.num_padding_bits; }

/// The number that the first `size` bits of the window stand for (T.81 F.2.2.1).
HWY_INLINE int leading_value(std::uint64_t window, int size) {
  const auto bits = static_cast<std::int32_t>(window >> 1 >> (63 - size));
  const auto is_negative = static_cast<std::int32_t>(~static_cast<std::int64_t>(window) >> 63);
  return bits + (is_negative & (1 - (1 << size)));
}

HWY_INLINE bool decode_dc(BitReader& reader, const JpegScanLayout::Block& kind, int& difference) {
  const std::uint32_t entry = kind.dc->entries[reader.window >> (64 - JpegDcTable::kLookupBits)];
  if (HWY_LIKELY(entry != 0)) {
    difference = static_cast<std::int32_t>(entry) >> 16;
    reader.consume(static_cast<int>(entry & JpegDcTable::kLengthMask));
    return true;
  }
  const Code::Symbol symbol = kind.dc_code->find(reader.peek16());
  reader.consume(symbol.code_bits);
  difference = leading_value(reader.window, symbol.value);
  reader.consume(symbol.value);
  return symbol.code_bits != 0;
}

/// Stores a value that may be large. False where only damaged data have such.
HWY_INLINE bool store_value(std::int16_t* block, const JpegScanLayout::Block& kind, std::size_t index, int value) {
  static_assert(kGroupRow == 32);
  const int offset = kZigzagOffsets[index], quantization = kind.quantization[offset / kGroupRow * 8 + offset % kGroupRow];
  block[offset] = static_cast<std::int16_t>(value);
  return std::abs(value * quantization) <= kJpegMaxDequantized;
}

/// One AC symbol, whatever its length, where the table does not say.
struct OneSymbol {
  BitReader reader;
  std::size_t index;  ///< after the coefficient
  bool goes_on;
  bool valid;
};
template <bool kKeep>
HWY_NOINLINE OneSymbol decode_one(BitReader reader, JpegScanState& state, const JpegScanLayout::Block& kind,
                                  std::size_t index, std::int16_t* block) {
  reader.refill(state);
  const Code::Symbol symbol = kind.ac_code->find(reader.peek16());
  reader.consume(symbol.code_bits);
  const int size = symbol.value & 15, run = symbol.value >> 4;
  if (size == 0) {
    const bool is_run = run == 15;
    if (is_run) index += 16;
    return {reader, index, is_run, symbol.code_bits != 0 && index < 64};
  }
  index += static_cast<std::size_t>(run);
  if (index > 63 || symbol.code_bits == 0) return {reader, index, false, false};
  const bool valid = !kKeep || store_value(block, kind, index, leading_value(reader.window, size));
  reader.consume(size);
  return {reader, index + 1, index + 1 < 64, valid};
}

/// The coefficients after the first. Returns the index after the last one (1 = none), or 0 on bad data.
template <bool kKeep>
HWY_INLINE std::size_t decode_ac(BitReader& reader, JpegScanState& state, const JpegScanLayout::Block& kind,
                                 std::int16_t* block) {
  const std::uint32_t* const entries = kind.ac->entries.data();
  const auto value = [](std::uint32_t entry, int shift) {
    return static_cast<std::int16_t>(static_cast<std::int32_t>(entry << (32 - Table::kValueBits - shift)) >>
                                     (32 - Table::kValueBits));
  };
  std::size_t index = 1;
  for (;;) {
    reader.refill(state);
    std::uint32_t entry = 0;
    std::size_t target = 0, after = 0;
#pragma GCC unroll 8
    for (int i = 0; i < kLookupsPerRefill; ++i) {
      entry = entries[reader.window >> kLookupShift];
      after = index + (entry >> Table::kAdvanceShift & Table::kAdvanceMask);
      target = index + (entry >> Table::kRunShift & Table::kRunMask);
      if (after >= Table::kLeaves) goto leave;  // also where the second of two may belong to the next block
      if (kKeep) {
        block[kZigzagOffsets[target]] = value(entry, Table::kFirstShift);
        block[kZigzagOffsets[after - 1]] = value(entry, Table::kSecondShift);
      }
      index = after;
      reader.consume(static_cast<int>(entry & Table::kLengthMask));
    }
    continue;

  leave:
    const auto length = static_cast<int>(entry & Table::kLengthMask);
    const bool has_left = after >= index + Table::kLeaves;
    if (HWY_LIKELY(length != 0 && has_left && target < 63)) {  // the end of the block
      if (kKeep) block[kZigzagOffsets[target]] = value(entry, Table::kFirstShift);
      reader.consume(length);
      return after - Table::kLeaves;
    }
    const auto code_bits = static_cast<int>(entry >> Table::kSecondShift);
    if (HWY_LIKELY(length == 0 && code_bits != 0 && target < 63)) {
      const auto size = static_cast<int>(entry >> Table::kFirstShift & Table::kValueMask);
      reader.refill(state);
      reader.consume(code_bits);
      if (kKeep && !store_value(block, kind, target, leading_value(reader.window, size))) return 0;
      reader.consume(size);
      index = target + 1;
      continue;
    }
    const OneSymbol symbol = decode_one<kKeep>(reader, state, kind, index, block);
    reader = symbol.reader;
    index = symbol.index;
    if (!symbol.goes_on || !symbol.valid) return symbol.valid ? index : 0;
  }
}

/// Begins the next interval: padding of less than a byte, then the right marker.
bool pass_restart(JpegScanState& state, const JpegScanLayout& layout) {
  BitReader reader(state);
  reader.refill(state);
  reader.store(state);
  if (bits_left(state) < 0 || bits_left(state) > 7 || state.end - state.next < 2) return false;
  if (state.next[0] != 0xFF || state.next[1] != kFirstRestart + state.next_restart) return false;
  const int following = (state.next_restart + 1) & 7;
  state.begin(state.next + 2, state.end, layout);
  state.next_restart = following;
  return true;
}

/// Whether the next marker is the restart marker that ends this interval; then the interval is over. Nothing is decoded.
bool jump_to_restart(JpegScanState& state) {
  const std::uint8_t* at = state.next;
  while (state.end - at >= 2) {
    at = static_cast<const std::uint8_t*>(std::memchr(at, 0xFF, static_cast<std::size_t>(state.end - at - 1)));
    if (at == nullptr || at[1] != 0) break;
    at += 2;
  }
  if (at == nullptr || state.end - at < 2 || at[1] != kFirstRestart + state.next_restart) return false;
  state.next = at;
  state.window = 0;
  state.num_bits = state.num_padding_bits = 0;
  return true;
}

template <bool kKeep>
HWY_INLINE bool decode_mcu(BitReader& reader, JpegScanState& state, const JpegScanLayout& layout, const int* offsets,
                           std::int16_t* chunk, std::uint32_t& groups) {
  for (int i = 0; i < layout.blocks_per_mcu; ++i) {
    const JpegScanLayout::Block& kind = layout.blocks[i];
    reader.refill(state);
    int difference = 0;
    if (!decode_dc(reader, kind, difference)) return false;
    int& dc = state.dc[kind.component];
    dc += difference;
    if (HWY_UNLIKELY(dc > kind.max_dc || dc < -kind.max_dc)) return false;
    std::int16_t* const block = kKeep ? chunk + offsets[i] : nullptr;
    if (kKeep) block[0] = static_cast<std::int16_t>(dc);
    const std::size_t end = decode_ac<kKeep>(reader, state, kind, block);
    if (HWY_UNLIKELY(end == 0)) return false;
    if (kKeep) groups |= std::uint32_t{end > 1} << (offsets[i] / kGroupCoefficients);
  }
  return true;
}

template <bool kKeep>
bool run(JpegScanState& state, const JpegScanLayout& layout, int num_mcus, std::int16_t* chunk, std::uint32_t& groups) {
  for (int done = 0; done < num_mcus;) {
    int count = num_mcus - done;
    if (layout.restart_interval > 0) {
      if (state.mcus_to_restart == 0 && !pass_restart(state, layout)) return false;
      count = count < state.mcus_to_restart ? count : state.mcus_to_restart;
      state.mcus_to_restart -= count;
      // Nothing depends on the rest of an interval that is passed over.
      if (!kKeep && state.mcus_to_restart == 0 && jump_to_restart(state)) {
        done += count;
        continue;
      }
    }
    BitReader reader(state);
    for (const int stop = done + count; done < stop; ++done) {
      const int* const offsets = layout.offsets[kKeep ? done : 0].data();
      if (!decode_mcu<kKeep>(reader, state, layout, offsets, chunk, groups)) return false;
    }
    reader.store(state);
    if (bits_left(state) < 0) return false;  // more bits were used than there are
  }
  return true;
}

bool decode(JpegScanState& state, const JpegScanLayout& layout, int num_mcus, std::int16_t* chunk, std::uint32_t& groups) {
  return run<true>(state, layout, num_mcus, chunk, groups);
}

bool skip(JpegScanState& state, const JpegScanLayout& layout, int num_mcus) {
  std::uint32_t unused = 0;
  return run<false>(state, layout, num_mcus, nullptr, unused);
}

bool at_clean_end(JpegScanState& state) {
  BitReader reader(state);
  reader.refill(state);
  reader.store(state);
  if (bits_left(state) < 0 || bits_left(state) > 7 || state.end - state.next < 2) return false;
  return state.next[0] == 0xFF && state.next[1] == kEndOfImage;
}

}  // namespace

const JpegScanKernels& scan_kernels() {
  static constexpr JpegScanKernels kKernels{decode, skip, at_clean_end};
  return kKernels;
}

}  // namespace smol::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif  // HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4

#if HWY_ONCE
namespace smol {

#if HWY_ARCH_X86
const JpegScanKernels& jpeg_scan_kernels(bool has_avx2) {
  return has_avx2 ? N_AVX2::scan_kernels() : N_SSE4::scan_kernels();
}
#endif

}  // namespace smol
#endif
