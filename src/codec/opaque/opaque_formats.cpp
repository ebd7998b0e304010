#include "codec/opaque/opaque_formats.h"

#include <algorithm>
#include <array>
#include <cstring>

// Set by CMake for what it found.
#ifndef SMOL_HAS_AVIF
#define SMOL_HAS_AVIF false
#endif
#ifndef SMOL_HAS_HEIC
#define SMOL_HAS_HEIC false
#endif
#ifndef SMOL_HAS_JPEG2000
#define SMOL_HAS_JPEG2000 false
#endif
#ifndef SMOL_HAS_JPEGXL
#define SMOL_HAS_JPEGXL false
#endif

namespace smol {
namespace {

using namespace std::string_view_literals;

bool begins_with(ByteView bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

/// Whether one of `wanted` is among the brands of a file-type box: the major one or, where that says no more than "some
/// picture", a compatible one.
bool has_brand(ByteView bytes, std::span<const std::string_view> wanted) {
  constexpr std::size_t kMaxBoxBytes = 1024;
  if (bytes.size() < 12 || std::memcmp(bytes.data() + 4, "ftyp", 4) != 0) return false;
  const std::size_t box_bytes = std::size_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  if (box_bytes < 16 || box_bytes > kMaxBoxBytes) return false;
  const auto is_wanted = [&](std::size_t at) {
    const std::string_view brand(reinterpret_cast<const char*>(bytes.data()) + at, 4);
    return std::find(wanted.begin(), wanted.end(), brand) != wanted.end();
  };
  if (is_wanted(8)) return true;
  const std::string_view major(reinterpret_cast<const char*>(bytes.data()) + 8, 4);
  if (major != "mif1" && major != "msf1") return false;
  for (std::size_t at = 16; at + 4 <= std::min(box_bytes, bytes.size()); at += 4) {
    if (is_wanted(at)) return true;
  }
  return false;
}

bool is_avif(ByteView bytes) {
  static constexpr std::array kBrands{"avif"sv, "avis"sv};
  return has_brand(bytes, kBrands);
}

bool is_heic(ByteView bytes) {
  static constexpr std::array kBrands{"heic"sv, "heix"sv, "heim"sv, "heis"sv, "hevc"sv, "hevx"sv, "hevm"sv, "hevs"sv};
  return has_brand(bytes, kBrands);
}

bool is_jpeg2000(ByteView bytes) {
  return begins_with(bytes, "\0\0\0\x0CjP  \r\n\x87\n"sv) || begins_with(bytes, "\xFF\x4F\xFF\x51"sv);
}

bool is_jpegxl(ByteView bytes) {
  return begins_with(bytes, "\0\0\0\x0CJXL \r\n\x87\n"sv) || begins_with(bytes, "\xFF\x0A"sv);
}

CodecCapabilities capabilities(std::vector<PixelFormat> formats) {
  CodecCapabilities can;
  can.formats = std::move(formats);
  return can;
}

CodecCapabilities with_gray() {
  return capabilities({PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kGray8});
}

CodecCapabilities heic_capabilities() {
  CodecCapabilities can = capabilities({PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8});
  can.embedded_thumbnails = true;
  return can;
}

CodecCapabilities jpeg2000_capabilities() {
  CodecCapabilities can = with_gray();
  can.scale_denominators = {1, 2, 4, 8, 16, 32};
  can.region = true;
  can.early_stop = true;
  return can;
}

}  // namespace

std::span<const OpaqueFormat> opaque_formats() {
  // AVIF before HEIC: a file that is both is read by the library made for it.
  static const std::array<OpaqueFormat, 4> kFormats{{
      {"avif", "libavif", "libavif-dev", SMOL_HAS_AVIF, is_avif, with_gray()},
      {"heic", "libheif", "libheif-dev", SMOL_HAS_HEIC, is_heic, heic_capabilities()},
      {"jpeg2000", "libopenjp2", "libopenjp2-7-dev", SMOL_HAS_JPEG2000, is_jpeg2000, jpeg2000_capabilities()},
      {"jpegxl", "libjxl", "libjxl-dev", SMOL_HAS_JPEGXL, is_jpegxl, with_gray()},
  }};
  return kFormats;
}

const OpaqueFormat* find_opaque_format(std::string_view name) {
  const auto formats = opaque_formats();
  const auto found = std::find_if(formats.begin(), formats.end(), [&](const auto& format) { return format.name == name; });
  return found == formats.end() ? nullptr : &*found;
}

}  // namespace smol
