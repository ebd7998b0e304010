#pragma once
/// The chunks of a PNG that decide its pixels, found without decompressing anything.

#include <array>
#include <string>
#include <vector>

#include "smol/codec.h"

namespace smol {

/// How bad something odd in a PNG is. The one table is in png_chunks.cpp.
enum class PngFault : std::uint8_t {
  kHarmless,   ///< every pixel is right
  kRecovered,  ///< an error that can be papered over; the pixels may be wrong
  kFatal,      ///< an error that only FailOn::kNone papers over
};

/// Counts faults and fails where the caller is stricter than them.
class PngFaults {
 public:
  explicit PngFaults(FailOn fail_on) : fail_on_(fail_on) {}
  Status note(PngFault fault, const char* what);
  [[nodiscard]] FailOn fail_on() const { return fail_on_; }
  [[nodiscard]] int warnings() const { return warnings_; }
  [[nodiscard]] bool recovered() const { return recovered_; }

 private:
  FailOn fail_on_;
  int warnings_ = 0;
  bool recovered_ = false;
};

enum class PngColor : std::uint8_t { kGray = 0, kRgb = 2, kPalette = 3, kGrayAlpha = 4, kRgba = 6 };

struct PngChunks {
  ImageHeader header;
  PngColor color = PngColor::kRgb;
  /// R G B 255; entries that the file lacks are black, as Pillow has them.
  std::array<std::uint8_t, 256 * 4> palette{};
  std::vector<ByteView> data;  ///< payloads of the IDAT chunks, in order
  bool ends_early = false;     ///< the bytes end inside or before the end of the IDAT chunks

  [[nodiscard]] int bits_per_pixel() const;
  /// Bytes of one row of the decompressed picture, without its filter byte.
  [[nodiscard]] std::size_t row_bytes() const;
  /// Distance of the filters' left neighbour.
  [[nodiscard]] int filter_bytes() const { return std::max(1, bits_per_pixel() / 8); }
};

/// Walks the chunks into `chunks`, whose storage is reused. With `verify_checksums` false, CRCs are not computed.
/// kCorrupt, kTruncated (inside the header), kUnsupported.
Status read_png_chunks(ByteView bytes, bool verify_checksums, PngFaults& faults, PngChunks& chunks);

[[nodiscard]] bool has_png_signature(ByteView bytes);

}  // namespace smol
