#include "codec/jpeg_huffman.h"

#include <algorithm>

namespace smol {
namespace {

using Code = JpegHuffmanCode;
using Table = JpegAcTable;

constexpr int kMaxSize = 15;
constexpr std::uint8_t kZeroRunSymbol = 0xF0;

/// The value that `size` bits stand for (T.81 F.2.2.1).
int extended(std::uint32_t bits, int size) {
  const auto value = static_cast<int>(bits);
  return size > 0 && value >> (size - 1) == 0 ? value - (1 << size) + 1 : value;
}

std::uint32_t pack(int num_bits, std::uint32_t advance, int run, int first, int second) {
  const std::uint32_t zeros = static_cast<std::uint32_t>(run) & Table::kRunMask;
  const std::uint32_t first_value = static_cast<std::uint32_t>(first) & Table::kValueMask;
  const std::uint32_t second_value = static_cast<std::uint32_t>(second) & Table::kValueMask;
  return static_cast<std::uint32_t>(num_bits) | advance << Table::kAdvanceShift | zeros << Table::kRunShift |
         first_value << Table::kFirstShift | second_value << Table::kSecondShift;
}

/// Entries for the first symbol alone, for all lookups that begin with its code.
void fill_singles(Code::Symbol symbol, std::uint32_t* entries) {
  const int size = symbol.value & 15, run = symbol.value >> 4, needed = symbol.code_bits + size;
  const std::uint32_t count = 1u << (Code::kLookupBits - symbol.code_bits);
  if (needed > Code::kLookupBits || size >= Table::kValueBits) {
    std::fill_n(entries, count, pack(0, Table::kLeaves, run, size, symbol.code_bits));
  } else if (size == 0 && symbol.value != kZeroRunSymbol) {
    // T.81 leaves runs without a value undefined, but for the longest; libjpeg ends the block at them, too. A zero is
    // written where nothing has been written yet.
    std::fill_n(entries, count, pack(needed, Table::kLeaves, 0, 0, 0));
  } else {
    const std::uint32_t same = count >> size;  // lookups with the same value
    for (std::uint32_t extra = 0; extra < 1u << size; ++extra) {
      const int value = extended(extra, size);
      std::fill_n(entries + extra * same, same, pack(needed, static_cast<std::uint32_t>(run) + 1, run, value, value));
    }
  }
}

constexpr std::uint32_t kAdvanceField = Table::kAdvanceMask << Table::kAdvanceShift;
constexpr std::uint32_t kSecondField = Table::kValueMask << Table::kSecondShift;

bool leaves(std::uint32_t entry) { return (entry >> Table::kAdvanceShift & Table::kAdvanceMask) >= Table::kLeaves; }

/// Adds to `first` the symbol behind it, if the lookup holds all of that.
std::uint32_t with_second(std::uint32_t first, std::uint32_t bits, const decltype(Table::entries)& singles) {
  const std::uint32_t length = first & Table::kLengthMask;
  const std::uint32_t second = singles[bits << length & (Code::kNumLookups - 1)],
                      second_length = second & Table::kLengthMask;
  const bool fits = second_length != 0 && length + second_length <= Code::kLookupBits && !leaves(first);
  // Lengths and advances add up. An end leaves the coefficient as it is.
  const std::uint32_t sum = first + (second & (Table::kLengthMask | kAdvanceField));
  const std::uint32_t joined = leaves(second) ? sum : (sum & ~kSecondField) | (second & kSecondField);
  return fits ? joined : first;
}

}  // namespace

bool JpegHuffmanCode::matches(const JHUFF_TBL& table) const {
  return valid_ && std::equal(counts_.begin() + 1, counts_.end(), table.bits + 1) &&
         std::equal(symbols_.begin(), symbols_.end(), table.huffval);
}

bool JpegHuffmanCode::build(const JHUFF_TBL& table, Class table_class) {
  std::copy(std::begin(table.bits), std::end(table.bits), counts_.begin());
  std::copy(std::begin(table.huffval), std::end(table.huffval), symbols_.begin());
  valid_ = make_codes(table_class);
  return valid_;
}

/// T.81 C.2.
bool JpegHuffmanCode::make_codes(Class table_class) {
  short_symbols_.fill({});
  last_code_.fill(-1);
  std::uint32_t code = 0;
  int index = 0;
  for (int length = 1; length <= kMaxCodeBits; ++length, code <<= 1) {
    const int count = counts_[length];
    // A code of all ones is not allowed (T.81 C.2).
    if (index + count > 256 || (count > 0 && code + count >= (1u << length))) return false;
    offset_[length] = index - static_cast<std::int32_t>(code);
    for (int i = 0; i < count; ++i, ++code, ++index) {
      if (table_class == Class::kDc && symbols_[index] > kMaxSize) return false;
      if (length > kLookupBits) continue;
      const int rest = kLookupBits - length;
      std::fill_n(short_symbols_.begin() + (code << rest), 1u << rest,
                  Symbol{static_cast<std::uint8_t>(length), symbols_[index]});
    }
    if (count > 0) last_code_[length] = static_cast<std::int32_t>((code << (kMaxCodeBits - length)) - 1);
  }
  return true;
}

JpegHuffmanCode::Symbol JpegHuffmanCode::find(std::uint32_t bits) const {
  const Symbol symbol = short_symbols_[bits >> (kMaxCodeBits - kLookupBits)];
  if (symbol.code_bits != 0) return symbol;
  for (int length = kLookupBits + 1; length <= kMaxCodeBits; ++length) {
    if (static_cast<std::int32_t>(bits) > last_code_[length]) continue;
    const int index = static_cast<int>(bits >> (kMaxCodeBits - length)) + offset_[length];
    return {static_cast<std::uint8_t>(length), symbols_[index & 0xFF]};
  }
  return {};
}

void JpegDcTable::build(const JpegHuffmanCode& code) {
  for (std::uint32_t bits = 0; bits < entries.size(); ++bits) {
    const Code::Symbol symbol = code.short_symbols()[bits << (Code::kLookupBits - kLookupBits)];
    const int needed = symbol.code_bits + symbol.value;
    const bool fits = symbol.code_bits != 0 && needed <= kLookupBits;
    const std::uint32_t extra = fits ? bits >> (kLookupBits - needed) & ((1u << symbol.value) - 1) : 0;
    const auto value = static_cast<std::uint32_t>(extended(extra, symbol.value));
    entries[bits] = fits ? value << 16 | static_cast<std::uint32_t>(needed) : 0;
  }
}

void JpegAcTable::build(const JpegHuffmanCode& code) {
  std::array<std::uint32_t, Code::kNumLookups> singles;
  for (std::uint32_t bits = 0; bits < Code::kNumLookups;) {
    const Code::Symbol symbol = code.short_symbols()[bits];
    if (symbol.code_bits != 0) {
      fill_singles(symbol, &singles[bits]);
      bits += 1u << (Code::kLookupBits - symbol.code_bits);
    } else {
      singles[bits++] = pack(0, Table::kLeaves, 0, 0, 0);
    }
  }
  for (std::uint32_t bits = 0; bits < Code::kNumLookups; ++bits) entries[bits] = with_second(singles[bits], bits, singles);
}

}  // namespace smol
