#include <tiffio.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "unit/codec/still_fixture.h"

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;

/// A file that libtiff writes into memory.
struct MemoryFile {
  Bytes bytes;
  std::size_t at = 0;

  static tmsize_t read(thandle_t handle, void* target, tmsize_t size) {
    auto& file = *static_cast<MemoryFile*>(handle);
    const std::size_t count =
        std::min(static_cast<std::size_t>(size), file.bytes.size() - std::min(file.at, file.bytes.size()));
    if (count > 0) std::memcpy(target, &file.bytes[file.at], count);
    file.at += count;
    return static_cast<tmsize_t>(count);
  }
  static tmsize_t write(thandle_t handle, void* source, tmsize_t size) {
    auto& file = *static_cast<MemoryFile*>(handle);
    const auto count = static_cast<std::size_t>(size);
    file.bytes.resize(std::max(file.bytes.size(), file.at + count));
    if (count > 0) std::memcpy(&file.bytes[file.at], source, count);
    file.at += count;
    return size;
  }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    auto& file = *static_cast<MemoryFile*>(handle);
    file.at = static_cast<std::size_t>(offset) + (whence == SEEK_CUR ? file.at : whence == SEEK_END ? file.bytes.size() : 0);
    return file.at;
  }
  static int close(thandle_t) { return 0; }
  static toff_t size(thandle_t handle) { return static_cast<MemoryFile*>(handle)->bytes.size(); }
};

void set_fields(TIFF* file, const TiffFixture& fixture) {
  TIFFSetField(file, TIFFTAG_IMAGEWIDTH, fixture.width);
  TIFFSetField(file, TIFFTAG_IMAGELENGTH, fixture.height);
  TIFFSetField(file, TIFFTAG_BITSPERSAMPLE, fixture.bits);
  TIFFSetField(file, TIFFTAG_SAMPLESPERPIXEL, fixture.samples);
  TIFFSetField(file, TIFFTAG_PHOTOMETRIC, fixture.photometric);
  TIFFSetField(file, TIFFTAG_COMPRESSION, fixture.compression);
  TIFFSetField(file, TIFFTAG_PLANARCONFIG, fixture.planar ? PLANARCONFIG_SEPARATE : PLANARCONFIG_CONTIG);
  TIFFSetField(file, TIFFTAG_ORIENTATION, fixture.orientation);
  if (fixture.extra_sample >= 0) {
    const auto kind = static_cast<std::uint16_t>(fixture.extra_sample);
    TIFFSetField(file, TIFFTAG_EXTRASAMPLES, 1, &kind);
  }
  if (fixture.tiled) {
    TIFFSetField(file, TIFFTAG_TILEWIDTH, 16);
    TIFFSetField(file, TIFFTAG_TILELENGTH, 16);
  } else {
    TIFFSetField(file, TIFFTAG_ROWSPERSTRIP, fixture.compression == COMPRESSION_JPEG ? 16 : fixture.rows_per_strip);
  }
  if (fixture.photometric == PHOTOMETRIC_PALETTE) {
    std::vector<std::uint16_t> colors(3u << fixture.bits);
    for (std::size_t i = 0; i < colors.size(); ++i) colors[i] = static_cast<std::uint16_t>((i * 37 % 256) * 256);
    const std::size_t size = colors.size() / 3;
    TIFFSetField(file, TIFFTAG_COLORMAP, colors.data(), colors.data() + size, colors.data() + 2 * size);
  }
  if (fixture.photometric == PHOTOMETRIC_YCBCR && fixture.compression == COMPRESSION_JPEG) {
    TIFFSetField(file, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  }
}

/// Samples of 8 bits as the page stores them, padded to whole bytes a row: `per_pixel` of them a pixel.
Bytes packed_row(const TiffFixture& fixture, const std::uint8_t* samples, int count) {
  Bytes row;
  for (int i = 0; i < count; ++i) {
    if (fixture.bits == 16) {
      const std::uint16_t value = static_cast<std::uint16_t>(samples[i] * 257 + 3 * i);
      row.resize(row.size() + 2);
      std::memcpy(&row[row.size() - 2], &value, 2);
      continue;
    }
    const int per_byte = 8 / fixture.bits;
    if (i % per_byte == 0) row.push_back(0);
    row.back() =
        static_cast<std::uint8_t>(row.back() | samples[i] >> (8 - fixture.bits) << (8 - fixture.bits * (i % per_byte + 1)));
  }
  return row;
}

void write_plane(TIFF* file, const TiffFixture& fixture, const Bytes& samples, int per_pixel, int plane) {
  const auto number = static_cast<std::uint16_t>(plane);
  const auto row_samples = static_cast<std::size_t>(fixture.width * per_pixel);
  if (!fixture.tiled) {
    for (int y = 0; y < fixture.height; ++y) {
      Bytes row = packed_row(fixture, &samples[static_cast<std::size_t>(y) * row_samples], fixture.width * per_pixel);
      if (TIFFWriteScanline(file, row.data(), static_cast<std::uint32_t>(y), number) != 1)
        throw std::runtime_error("cannot write a row of a TIFF");
    }
    return;
  }
  constexpr int kSide = 16;
  for (int top = 0; top < fixture.height; top += kSide) {
    for (int left = 0; left < fixture.width; left += kSide) {
      Bytes tile;
      for (int y = top; y < top + kSide; ++y) {
        Bytes line(static_cast<std::size_t>(kSide * per_pixel));
        for (int i = 0; i < kSide * per_pixel; ++i) {
          const int column = left * per_pixel + i;
          if (y < fixture.height && column < fixture.width * per_pixel)
            line[static_cast<std::size_t>(i)] =
                samples[static_cast<std::size_t>(y) * row_samples + static_cast<std::size_t>(column)];
        }
        const Bytes row = packed_row(fixture, line.data(), kSide * per_pixel);
        tile.insert(tile.end(), row.begin(), row.end());
      }
      if (TIFFWriteTile(file, tile.data(), static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(top), 0, number) < 0)
        throw std::runtime_error("cannot write a tile of a TIFF");
    }
  }
}

}  // namespace

std::vector<std::uint8_t> encode_tiff(const TiffFixture& fixture) {
  MemoryFile memory;
  TIFF* const file =
      TIFFClientOpen("fixture", fixture.big_endian ? "wb" : "wl", &memory, MemoryFile::read, MemoryFile::write,
                     MemoryFile::seek, MemoryFile::close, MemoryFile::size, nullptr, nullptr);
  if (file == nullptr) throw std::runtime_error("cannot make a TIFF");
  for (int page = 0; page < fixture.num_pages; ++page) {
    set_fields(file, fixture);
    const auto seed = static_cast<unsigned>(page) + 1;
    const int num_planes = fixture.planar ? fixture.samples : 1;
    for (int plane = 0; plane < num_planes; ++plane) {
      const int per_pixel = fixture.planar ? 1 : fixture.samples;
      write_plane(file, fixture,
                  make_samples(fixture.width, fixture.height, per_pixel, seed + 7 * static_cast<unsigned>(plane)), per_pixel,
                  plane);
    }
    TIFFWriteDirectory(file);
  }
  TIFFClose(file);
  return memory.bytes;
}

std::vector<Seed> tiff_seeds() {
  std::vector<Seed> seeds;
  for (const int compression : {1, 5, 7, 8, 32773}) {
    const std::string name = "compression" + std::to_string(compression);
    seeds.push_back({name, encode_tiff({.width = 25, .height = 34, .compression = compression})});
    seeds.push_back({name + "_tiled", encode_tiff({.width = 25, .height = 34, .compression = compression, .tiled = true})});
    seeds.push_back({name + "_gray", encode_tiff({.samples = 1, .photometric = 1, .compression = compression})});
  }
  for (const int bits : {1, 2, 4, 8, 16}) {
    const std::string name = std::to_string(bits) + "bit";
    seeds.push_back(
        {name + "_white_is_zero", encode_tiff({.bits = bits, .samples = 1, .photometric = 0, .compression = 5})});
    if (bits < 16) seeds.push_back({name + "_palette", encode_tiff({.bits = bits, .samples = 1, .photometric = 3})});
  }
  seeds.push_back({"16bit_big_endian", encode_tiff({.width = 20, .height = 25, .bits = 16, .big_endian = true})});
  for (const int kind : {0, 1, 2}) {
    seeds.push_back({"extra" + std::to_string(kind),
                     encode_tiff({.width = 25, .height = 33, .samples = 4, .extra_sample = kind, .orientation = 6})});
  }
  seeds.push_back({"gray_alpha", encode_tiff({.samples = 2, .photometric = 1, .extra_sample = 2})});
  seeds.push_back({"cmyk", encode_tiff({.width = 25, .height = 33, .samples = 4, .photometric = 5})});
  seeds.push_back({"planar", encode_tiff({.width = 30, .compression = 5, .planar = true})});
  seeds.push_back({"planar_tiled", encode_tiff({.width = 20, .compression = 8, .tiled = true, .planar = true})});
  seeds.push_back({"jpeg_ycbcr", encode_tiff({.photometric = 6, .compression = 7})});
  seeds.push_back({"two_pages", encode_tiff({.samples = 1, .photometric = 1, .num_pages = 2})});
  return seeds;
}

std::vector<std::uint8_t> huge_tiff() {
  Bytes bytes = encode_tiff({.width = 24, .height = 24, .samples = 1, .photometric = 1, .rows_per_strip = 24});
  // Width and height are the directory's first fields but for the kind of file, as 16 bits.
  const std::size_t directory = bytes[4] | static_cast<std::size_t>(bytes[5]) << 8;
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint8_t* const field = &bytes[directory + 2 + 12 * i];
    if (field[1] != 1 || field[0] > 1) continue;
    field[8] = 60000 & 255;
    field[9] = 60000 >> 8;
  }
  return bytes;
}

}  // namespace smol::testing
