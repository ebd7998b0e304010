#pragma once
/// libjpeg-turbo behind values: none of its longjmps, messages or exits leaves this class.

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include "smol/codec.h"

namespace smol {

/// What a libjpeg warning means for the pixels. The one table is in jpeg_library.cpp.
enum class JpegWarning : std::uint8_t {
  kHarmless,   ///< odd, but every pixel is right
  kRecovered,  ///< corrupt data that the library papered over
  kTruncated,  ///< the data ended early; the rest is grey
};

/// One reusable libjpeg decompressor. Every call is run under setjmp with nothing but trivial objects inside, so that
/// destructors are never jumped over. After an error the object is usable again from read_header() on. Not thread-safe.
class JpegLibrary {
 public:
  JpegLibrary() = default;
  ~JpegLibrary();
  JpegLibrary(const JpegLibrary&) = delete;
  JpegLibrary& operator=(const JpegLibrary&) = delete;

  /// Parses up to the first scan. `bytes` and `request` must live until abort().
  Status read_header(ByteView bytes, const DecodeRequest& request);
  /// After read_header(): the data of the first scan and all that follows.
  [[nodiscard]] ByteView scan_bytes() const { return bytes_.subspan(window_end_ - source_.bytes_in_buffer); }
  /// Starts decoding with the parameters set in info(). Multi-scan pictures are entropy-decoded completely here.
  Status start();
  /// Narrows the columns; library-aligned, so both values may grow. Only right after start().
  Status crop_columns(JDIMENSION& x, JDIMENSION& width);
  /// Skips rows. At most once, right after start() or crop_columns(): version 2.1.5 returns wrong rows otherwise.
  Status skip_rows(JDIMENSION count);
  Status read_rows(JSAMPARRAY rows, JDIMENSION count);
  /// One iMCU row of unconverted planes.
  Status read_planes(JSAMPIMAGE planes, JDIMENSION count);
  /// After the last row: looks at what follows it. libjpeg-turbo's fast path passes over bad Huffman codes in silence; pixel
  /// data left over are then the only sign of them.
  Status check_end();
  /// Ends the picture, complete or not.
  void abort();

  [[nodiscard]] jpeg_decompress_struct& info() { return info_; }
  /// True when the coefficients of a progressive picture are incomplete, so that the library smooths across blocks.
  [[nodiscard]] bool smooths_blocks() const;
  [[nodiscard]] int warnings() const { return warnings_; }
  [[nodiscard]] bool recovered() const { return recovered_; }
  [[nodiscard]] bool truncated() const { return truncated_; }
  /// Rows of the scaled picture that came from data; the whole height unless truncated() or failed.
  [[nodiscard]] int rows_from_data() const;
  /// After start() failed in a later scan: how many bytes, taken alone, give a picture; else 0.
  [[nodiscard]] std::size_t usable_bytes() const { return usable_bytes_; }

 private:
  template <typename Call>
  Status guarded(Call call);
  [[noreturn]] void fail(ErrorCode code);
  [[noreturn]] void fail(ErrorCode code, const char* text);
  void warn();
  void count(JpegWarning kind, const char* text);
  void end_of_data();
  [[nodiscard]] bool notices_missing_data();
  [[nodiscard]] std::size_t offset_of_unread_marker() const;
  void refill();
  void create();
  void forget_tables();
  void complete_tables();
  [[nodiscard]] Error failure() const;

  // libjpeg's callbacks; client_data is the JpegLibrary.
  static JpegLibrary& self(j_common_ptr info) { return *static_cast<JpegLibrary*>(info->client_data); }
  static void on_error(j_common_ptr info);
  static void on_message(j_common_ptr info, int level);
  static void on_output(j_common_ptr) {}
  static void on_progress(j_common_ptr info);
  static void on_init(j_decompress_ptr) {}
  static boolean on_fill(j_decompress_ptr info);
  static void on_skip(j_decompress_ptr info, long num_bytes);

  jpeg_decompress_struct info_{};
  jpeg_error_mgr errors_{};
  jpeg_source_mgr source_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  bool created_ = false;

  ByteView bytes_;
  std::size_t window_end_ = 0;  ///< offset after the bytes that libjpeg has been given
  enum class Phase : std::uint8_t { kHeader, kPixels, kEnd };
  Phase phase_ = Phase::kHeader;
  const DecodeRequest* request_ = nullptr;

  int warnings_ = 0;
  bool recovered_ = false, truncated_ = false;
  int first_missing_row_ = -1;
  std::size_t usable_bytes_ = 0;
  ErrorCode failure_code_ = ErrorCode::kInternal;
  char failure_text_[JMSG_LENGTH_MAX] = {};
};

}  // namespace smol
