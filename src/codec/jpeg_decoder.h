#pragma once

#include <array>
#include <optional>

#include "codec/grow_only_buffer.h"
#include "codec/jpeg_baseline.h"
#include "codec/jpeg_library.h"
#include "smol/codec.h"

namespace smol {

/// Decodes JPEGs a group of rows at a time, bit-identical with Pillow (islow IDCT, fancy upsampling). libjpeg reads every
/// header and decodes what JpegBaseline does not. Owns one libjpeg object and its row buffers; all are reused.
class JpegDecoder final : public Decoder {
 public:
  Result<ImageHeader> probe(ByteView bytes) override;
  Result<DecodeReport> decode(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer) override;

 private:
  /// The columns that libjpeg writes, and the exact pixels among them.
  struct Extent {
    Rect wanted;  ///< in the scaled picture
    int first_column = 0, num_columns = 0;
  };

  Result<DecodeReport> decode_picture(ByteView bytes, const DecodeRequest& request, RowConsumer& consumer);
  Status open(ByteView bytes, const DecodeRequest& request);
  /// By JpegBaseline, and from where that gives up by libjpeg.
  Result<DecodeReport> deliver_baseline(const DecodeRequest& request, PixelFormat format, RowConsumer& consumer);
  Result<DecodeReport> deliver_by_library(const DecodeRequest& request, PixelFormat format, RowConsumer& consumer);
  Result<Extent> narrow(const Rect& wanted, PixelFormat format);
  [[nodiscard]] bool crops_exactly();
  Result<DecodeReport> deliver_rows(const DecodeRequest& request, PixelFormat format, RowConsumer& consumer);
  Status read_group(const Extent& extent, PixelFormat format, int num_rows);
  Result<DecodeReport> deliver_planes(const DecodeRequest& request, RowConsumer& consumer);
  Status read_plane_group(int num_rows);
  [[nodiscard]] Plane plane_group(int component_index, int mcu_row, int first_mcu, int end_mcu);
  /// Whether a failure in the middle of the picture is to be papered over.
  Status tolerate(Status status);
  [[nodiscard]] DecodeReport report(int first_row, int num_rows);
  [[nodiscard]] Size scaled_size();

  JpegLibrary library_;
  JpegBaseline baseline_;
  FailOn fail_on_ = FailOn::kTruncated;
  std::optional<int> failed_row_;  ///< of the scaled picture; libjpeg delivers nothing from here on
  GrowOnlyBuffer rows_, cmyk_rows_;
  std::array<GrowOnlyBuffer, 3> planes_;
  GrowOnlyBuffer converted_planes_;
};

}  // namespace smol
