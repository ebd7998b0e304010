#pragma once
/// Lookup tables for baseline Huffman codes: one lookup yields up to two coefficients with their values.

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

namespace smol {

/// The canonical code of one DHT table (ITU-T T.81 annex C).
class JpegHuffmanCode {
 public:
  enum class Class : std::uint8_t { kDc, kAc };
  static constexpr int kMaxCodeBits = 16;
  /// The AC tables of luma and chroma have to share the first-level cache with the coefficients.
  static constexpr int kLookupBits = 11;
  static constexpr std::uint32_t kNumLookups = 1u << kLookupBits;

  struct Symbol {
    std::uint8_t code_bits = 0;  ///< 0 = no such code
    std::uint8_t value = 0;      ///< size for DC, run << 4 | size for AC
  };

  /// False when the table is not a valid code for its class: libjpeg then says what is wrong with it.
  [[nodiscard]] bool build(const JHUFF_TBL& table, Class table_class);
  [[nodiscard]] bool matches(const JHUFF_TBL& table) const;

  /// The symbol whose code begins `bits`, the next 16 bits of the data.
  [[nodiscard]] Symbol find(std::uint32_t bits) const;
  /// The same for codes of up to kLookupBits bits, by the next kLookupBits bits.
  [[nodiscard]] const std::array<Symbol, kNumLookups>& short_symbols() const { return short_symbols_; }

 private:
  bool make_codes(Class table_class);

  std::array<Symbol, kNumLookups> short_symbols_{};
  std::array<std::int32_t, kMaxCodeBits + 1> last_code_{};  ///< largest of each length, left-aligned to 16 bits; -1 = none
  std::array<std::int32_t, kMaxCodeBits + 1> offset_{};     ///< index of a length's first symbol minus its first code
  std::array<std::uint8_t, kMaxCodeBits + 1> counts_{};
  std::array<std::uint8_t, 256> symbols_{};
  bool valid_ = false;
};

/// Lookups for the first coefficient of a block.
class JpegDcTable {
 public:
  /// Differences are small: fewer bits than for AC, and less of the first-level cache.
  static constexpr int kLookupBits = 9;
  /// The difference << 16 | bits of its code and value; 0 when these are more than a lookup has.
  static constexpr std::uint32_t kLengthMask = 0xFFFF;

  void build(const JpegHuffmanCode& code);
  std::array<std::uint32_t, 1u << kLookupBits> entries{};
};

/// Lookups for the others. An entry holds one or two coefficients, or the end of the block and perhaps a coefficient before.
class JpegAcTable {
 public:
  /// Fields of an entry, from its lowest bit: bits of all that it stands for (6; 0 = a long one), by how much the index of
  /// the coefficient grows (7; kLeaves and more: not just by coefficients), zeros before the first coefficient (4), the
  /// first coefficient and the one that the advance ends with (equal where there is one only; 7 bits each, signed). Where
  /// the code or its value is longer than the lookup, the first is instead the size of the value, the second the bits of the
  /// code, 0 if that is longer, too.
  static constexpr int kAdvanceShift = 6, kRunShift = 13, kFirstShift = 18, kSecondShift = 25, kValueBits = 7;
  static constexpr std::uint32_t kLengthMask = 63, kAdvanceMask = 127, kRunMask = 15, kValueMask = 127;
  /// Added to the advance where the block ends, and the advance of long entries.
  static constexpr std::uint32_t kLeaves = 64;

  void build(const JpegHuffmanCode& code);
  std::array<std::uint32_t, JpegHuffmanCode::kNumLookups> entries{};
};

}  // namespace smol
