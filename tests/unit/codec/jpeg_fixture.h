#pragma once
/// Makes JPEGs of every kind with libjpeg's encoder, and collects what a decoder delivers.

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "smol/codec.h"

namespace smol::testing {

struct JpegFixture {
  int width = 128, height = 95;
  std::string color = "ycc";         ///< ycc, rgb, gray, cmyk, ycck
  int horizontal = 2, vertical = 2;  ///< luma sampling factors against chroma's 1,1
  bool progressive = false, arithmetic = false;
  bool separate_scans = false;  ///< baseline, one scan a component
  int restart_interval = 0;     ///< in MCUs
  int quality = 90;
  unsigned seed = 1;
  bool flat = false;       ///< one colour in each square of 16 pixels instead: blocks without AC coefficients
  bool optimized = false;  ///< Huffman codes made for the picture

  [[nodiscard]] std::string name() const;
  friend std::ostream& operator<<(std::ostream& stream, const JpegFixture& fixture) { return stream << fixture.name(); }
};

/// Noise over a gradient: every block has high frequencies, so that a wrong row or column shows.
[[nodiscard]] std::vector<std::uint8_t> encode_jpeg(const JpegFixture& fixture);

/// The JPEG with an EXIF segment in front that holds an orientation and `thumbnail`.
[[nodiscard]] std::vector<std::uint8_t> with_thumbnail(const std::vector<std::uint8_t>& jpeg,
                                                       const std::vector<std::uint8_t>& thumbnail, int orientation = 1);

/// What libjpeg-turbo, called plainly, makes of a colour or grey picture: three interleaved bytes a pixel.
struct LibjpegPicture {
  Size size;
  std::vector<std::uint8_t> pixels;
};
enum class LibjpegOutput : std::uint8_t {
  kRgb,
  kYccReplicated,  ///< without "fancy" upsampling
};
[[nodiscard]] LibjpegPicture decode_by_libjpeg(const std::vector<std::uint8_t>& bytes, int denominator,
                                               LibjpegOutput output = LibjpegOutput::kRgb);

/// The code of a failure; empty on success, so that a test that expects one fails instead of crashing.
template <typename T>
std::optional<ErrorCode> code_of(const Result<T>& result) {
  return result.ok() ? std::nullopt : std::optional(result.error().code);
}

/// All pixels that a decode delivered, tightly packed, planes one after another.
struct Collected {
  Rect delivered;
  Size scaled_size;
  PixelFormat format{};
  std::vector<std::uint8_t> pixels;
  std::vector<Size> plane_sizes;
  int groups = 0;
};

class Collector final : public RowConsumer {
 public:
  explicit Collector(int stop_after_rows = -1) : stop_after_rows_(stop_after_rows) {}
  Status begin(const Rect& delivered, Size scaled_size, PixelFormat format) override;
  bool rows(int y, const ImageView& rows) override;
  /// Planes are joined here.
  [[nodiscard]] const Collected& finish();

 private:
  Collected collected_;
  std::vector<std::uint8_t> planes_[3];
  int next_row_ = 0, stop_after_rows_;
};

/// The part of `whole` that `rect` covers; interleaved formats.
[[nodiscard]] std::vector<std::uint8_t> crop(const Collected& whole, const Rect& rect);

}  // namespace smol::testing
