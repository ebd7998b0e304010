#pragma once
/// A TIFF in memory, opened by libtiff. Its messages are kept here; nothing is printed.

#include <array>
#include <cstdarg>
#include <cstdint>
#include <memory>
#include <string_view>

#include "smol/codec.h"

struct tiff;

namespace smol {

/// Messages of libtiff: how many, and the first error.
class TiffMessages {
 public:
  void clear();
  void add(bool is_error, const char* format, std::va_list values);
  [[nodiscard]] int num_warnings() const { return num_warnings_; }
  [[nodiscard]] int num_errors() const { return num_errors_; }
  /// The first error, else the first warning, in one line; empty where there is none.
  [[nodiscard]] std::string_view text() const { return text_.data(); }

 private:
  std::array<char, 200> text_{};
  int num_warnings_ = 0, num_errors_ = 0;
  bool is_error_ = false;
};

/// The first page. Not movable: libtiff points to it.
class TiffFile {
 public:
  TiffFile() = default;
  TiffFile(const TiffFile&) = delete;
  TiffFile& operator=(const TiffFile&) = delete;

  /// False where libtiff finds no page; messages() say why. `bytes` must live until close().
  bool open(ByteView bytes);
  void close() { file_.reset(); }
  [[nodiscard]] tiff* get() const { return file_.get(); }
  [[nodiscard]] ByteView bytes() const { return bytes_; }
  [[nodiscard]] TiffMessages& messages() { return messages_; }

  /// A field, or what the standard says where it is absent.
  [[nodiscard]] std::uint16_t small_field(std::uint32_t tag, std::uint16_t fallback) const;
  [[nodiscard]] std::uint32_t large_field(std::uint32_t tag, std::uint32_t fallback) const;
  [[nodiscard]] bool has_field(std::uint32_t tag) const;

 private:
  struct Free {
    void operator()(tiff* file) const;
  };
  ByteView bytes_;
  std::int64_t at_ = 0;
  TiffMessages messages_;
  std::unique_ptr<tiff, Free> file_;

  friend struct TiffMemory;
};

/// Pages of the file, found without libtiff, which looks for loops at a price that grows with their square.
[[nodiscard]] int count_tiff_pages(ByteView bytes);
/// Whether the bytes end before the first page's directory does.
[[nodiscard]] bool tiff_directory_is_cut(ByteView bytes);
/// Whether the bytes end before the values of a field that decides pixels; libtiff does without some of them.
[[nodiscard]] bool tiff_fields_are_cut(ByteView bytes);
[[nodiscard]] bool has_tiff_signature(ByteView bytes);

}  // namespace smol
