#pragma once

#include <openjpeg.h>

#include <memory>

#include "smol/codec.h"

namespace smol {

/// Bytes in memory as OpenJPEG reads them.
class Jpeg2000Stream {
 public:
  /// False without memory.
  [[nodiscard]] bool open(ByteView bytes);
  [[nodiscard]] opj_stream_t* get() const { return stream_.get(); }
  /// More was asked for than there is.
  [[nodiscard]] bool reached_end() const { return reached_end_; }

 private:
  static OPJ_SIZE_T read(void* to, OPJ_SIZE_T num_bytes, void* self);
  static OPJ_OFF_T skip(OPJ_OFF_T num_bytes, void* self);
  static OPJ_BOOL seek(OPJ_OFF_T offset, void* self);

  struct Destroy {
    void operator()(opj_stream_t* stream) const { opj_stream_destroy(stream); }
  };
  std::unique_ptr<opj_stream_t, Destroy> stream_;
  ByteView bytes_;
  std::size_t at_ = 0;
  bool reached_end_ = false;
};

/// Whether the codestream has all its tile-parts and its end marker.
[[nodiscard]] bool is_complete_jpeg2000(ByteView bytes);

/// What the boxes of a JP2 file say, and OpenJPEG only after decoding.
struct Jpeg2000Colours {
  bool palette = false, cmyk = false;
};
[[nodiscard]] Jpeg2000Colours jpeg2000_colours(ByteView bytes);

}  // namespace smol
