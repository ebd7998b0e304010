#include "unit/codec/still_fixture.h"

#include <webp/encode.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <stdexcept>

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;

void append(Bytes& bytes, std::uint32_t value, int size) {
  for (int i = 0; i < size; ++i) bytes.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}
void append(Bytes& bytes, std::string_view text) { bytes.insert(bytes.end(), text.begin(), text.end()); }
void append(Bytes& bytes, const Bytes& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }

// ---- WebP ----

Bytes webp_chunk(std::string_view name, const Bytes& payload) {
  Bytes chunk;
  append(chunk, name);
  append(chunk, static_cast<std::uint32_t>(payload.size()), 4);
  append(chunk, payload);
  if (payload.size() % 2 == 1) chunk.push_back(0);
  return chunk;
}

/// The chunks of one picture, without the file around them.
Bytes webp_picture(const WebpFixture& fixture, unsigned seed) {
  const int channels = fixture.alpha ? 4 : 3;
  const Bytes samples = make_samples(fixture.width, fixture.height, channels, seed);
  WebPConfig config;
  WebPPicture picture;
  WebPMemoryWriter writer;
  WebPConfigInit(&config);
  WebPPictureInit(&picture);
  WebPMemoryWriterInit(&writer);
  config.lossless = fixture.lossless ? 1 : 0;
  config.exact = 1;
  config.quality = 60;
  picture.use_argb = config.lossless;
  picture.width = fixture.width;
  picture.height = fixture.height;
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  const int imported = fixture.alpha ? WebPPictureImportRGBA(&picture, samples.data(), 4 * fixture.width)
                                     : WebPPictureImportRGB(&picture, samples.data(), 3 * fixture.width);
  const bool encoded = imported != 0 && WebPEncode(&config, &picture) != 0;
  const Bytes file(writer.mem, writer.mem + writer.size);
  WebPMemoryWriterClear(&writer);
  WebPPictureFree(&picture);
  if (!encoded) throw std::runtime_error("cannot encode a WebP");
  // Behind RIFF's header and, with alpha, behind the VP8X chunk.
  const std::size_t start = std::memcmp(&file[12], "VP8X", 4) == 0 ? 30 : 12;
  return {file.begin() + static_cast<std::ptrdiff_t>(start), file.end()};
}

Bytes webp_canvas(int flags, int width, int height) {
  Bytes payload;
  append(payload, static_cast<std::uint32_t>(flags), 4);
  append(payload, static_cast<std::uint32_t>(width - 1), 3);
  append(payload, static_cast<std::uint32_t>(height - 1), 3);
  return webp_chunk("VP8X", payload);
}

Bytes webp_frame(int x, int y, int width, int height, const Bytes& picture) {
  Bytes payload;
  for (const int value : {x / 2, y / 2, width - 1, height - 1, 100}) append(payload, static_cast<std::uint32_t>(value), 3);
  payload.push_back(0);
  append(payload, picture);
  return webp_chunk("ANMF", payload);
}

Bytes riff(const Bytes& chunks) {
  Bytes file;
  append(file, "RIFF");
  append(file, static_cast<std::uint32_t>(chunks.size() + 4), 4);
  append(file, "WEBP");
  append(file, chunks);
  return file;
}

// ---- GIF ----

/// Codes of a growing number of bits, first bit lowest, in sub-blocks.
class GifPacker {
 public:
  explicit GifPacker(int bits) : min_bits_(bits) {}

  Bytes pack(const Bytes& indices) {
    clear();
    std::uint32_t prefix = indices.front();
    for (std::size_t i = 1; i < indices.size(); ++i) {
      const auto found = std::find(pairs_.begin(), pairs_.end(), std::pair{prefix, indices[i]});
      if (found != pairs_.end()) {
        prefix = end_code() + 1 + static_cast<std::uint32_t>(found - pairs_.begin());
        continue;
      }
      put(prefix);
      pairs_.emplace_back(prefix, indices[i]);
      const auto next_code = end_code() + 1 + static_cast<std::uint32_t>(pairs_.size());
      if (next_code > 1u << bits_ && bits_ < 12) ++bits_;
      if (next_code > 4000) clear();
      prefix = indices[i];
    }
    put(prefix);
    put(end_code());
    while (num_bits_ > 0) flush_byte();
    Bytes blocks{static_cast<std::uint8_t>(min_bits_)};
    for (std::size_t at = 0; at < data_.size(); at += 255) {
      const std::size_t size = std::min<std::size_t>(255, data_.size() - at);
      blocks.push_back(static_cast<std::uint8_t>(size));
      blocks.insert(blocks.end(), data_.begin() + static_cast<std::ptrdiff_t>(at),
                    data_.begin() + static_cast<std::ptrdiff_t>(at + size));
    }
    blocks.push_back(0);
    return blocks;
  }

 private:
  [[nodiscard]] std::uint32_t clear_code() const { return 1u << min_bits_; }
  [[nodiscard]] std::uint32_t end_code() const { return clear_code() + 1; }
  void clear() {
    if (bits_ == 0) bits_ = min_bits_ + 1;
    put(clear_code());
    pairs_.clear();
    bits_ = min_bits_ + 1;
  }
  void put(std::uint32_t code) {
    pending_ |= std::uint64_t{code} << num_bits_;
    num_bits_ += bits_;
    while (num_bits_ >= 8) flush_byte();
  }
  void flush_byte() {
    data_.push_back(static_cast<std::uint8_t>(pending_));
    pending_ >>= 8;
    num_bits_ = std::max(0, num_bits_ - 8);
  }

  int min_bits_, bits_ = 0, num_bits_ = 0;
  std::uint64_t pending_ = 0;
  std::vector<std::pair<std::uint32_t, std::uint8_t>> pairs_;
  Bytes data_;
};

void append_palette(Bytes& bytes, int bits, int seed) {
  for (int i = 0; i < 1 << bits; ++i) {
    for (const int value : {i * 7 + seed, 255 - i * 3, i + 11 * seed}) bytes.push_back(static_cast<std::uint8_t>(value));
  }
}

void append_gif_picture(Bytes& gif, const GifFixture& fixture, unsigned seed) {
  const int x = fixture.partial ? 5 : 0, y = fixture.partial ? 7 : 0;
  const int width = fixture.width - 2 * x, height = fixture.height - 2 * y;
  if (fixture.transparent_index >= 0) {
    append(gif, std::string_view("!\xF9\x04\x01\x0A\x00", 6));
    gif.push_back(static_cast<std::uint8_t>(fixture.transparent_index));
    gif.push_back(0);
  }
  gif.push_back(',');
  for (const int value : {x, y, width, height}) append(gif, static_cast<std::uint32_t>(value), 2);
  const int flags = (fixture.interlaced ? 0x40 : 0) | (fixture.local_palette ? 0x80 | (fixture.bits - 1) : 0);
  gif.push_back(static_cast<std::uint8_t>(flags));
  if (fixture.local_palette) append_palette(gif, fixture.bits, 9);
  Bytes indices = make_samples(width, height, 1, seed);
  for (auto& index : indices) index = static_cast<std::uint8_t>(index >> (8 - fixture.bits));
  append(gif, GifPacker(std::max(2, fixture.bits)).pack(indices));
}

// ---- BMP ----

void append_bmp_runs(Bytes& bytes, const Bytes& row, bool nibbles) {
  std::size_t at = 0;
  while (at < row.size()) {
    std::size_t length = 1;
    while (at + length < row.size() && length < 200 && row[at + length] == row[at]) ++length;
    const std::size_t left = row.size() - at;
    if (length == 1 && left >= 5) {
      bytes.push_back(0);
      bytes.push_back(5);
      Bytes packed(row.begin() + static_cast<std::ptrdiff_t>(at), row.begin() + static_cast<std::ptrdiff_t>(at + 5));
      if (nibbles) {
        packed = {static_cast<std::uint8_t>(packed[0] << 4 | packed[1]),
                  static_cast<std::uint8_t>(packed[2] << 4 | packed[3]), static_cast<std::uint8_t>(packed[4] << 4)};
      }
      if (packed.size() % 2 == 1) packed.push_back(0);
      append(bytes, packed);
      at += 5;
      continue;
    }
    bytes.push_back(static_cast<std::uint8_t>(length));
    bytes.push_back(static_cast<std::uint8_t>(nibbles ? row[at] << 4 | row[at] : row[at]));
    at += length;
  }
  append(bytes, 0, 2);
}

Bytes bmp_pixels(const BmpFixture& fixture) {
  Bytes pixels;
  const int samples_per_pixel = fixture.bits <= 8 ? 1 : fixture.bits / 8;
  const Bytes samples = make_samples(fixture.width, fixture.height, samples_per_pixel);
  const auto row_samples = static_cast<std::size_t>(fixture.width * samples_per_pixel);
  for (int y = 0; y < fixture.height; ++y) {
    const auto start = samples.begin() + static_cast<std::ptrdiff_t>(row_samples) * y;
    Bytes row(start, start + static_cast<std::ptrdiff_t>(row_samples));
    if (fixture.bits < 8) {
      for (auto& sample : row) sample = static_cast<std::uint8_t>(sample >> (8 - fixture.bits));
    }
    if (fixture.compression == 1 || fixture.compression == 2) {
      for (std::size_t i = 8; i < 20 && i < row.size(); ++i) row[i] = row[8];
      append_bmp_runs(pixels, row, fixture.compression == 2);
      continue;
    }
    Bytes packed;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::size_t per_byte = fixture.bits < 8 ? static_cast<std::size_t>(8 / fixture.bits) : 1;
      if (i % per_byte == 0) packed.push_back(0);
      const int shift = fixture.bits < 8 ? 8 - fixture.bits * static_cast<int>(i % per_byte + 1) : 0;
      packed.back() = static_cast<std::uint8_t>(packed.back() | row[i] << shift);
    }
    while (packed.size() % 4 != 0) packed.push_back(0);
    append(pixels, packed);
  }
  if (fixture.compression == 1 || fixture.compression == 2) append(pixels, 0x100, 2);
  return pixels;
}

}  // namespace

std::vector<std::uint8_t> make_samples(int width, int height, int channels, unsigned seed) {
  std::mt19937 random(seed);
  Bytes samples;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c) {
        samples.push_back(static_cast<std::uint8_t>(x * (5 - c) + y * (2 + c) + 60 * c + static_cast<int>(random() % 8)));
      }
    }
  }
  return samples;
}

std::vector<std::uint8_t> encode_webp(const WebpFixture& fixture) {
  const Bytes picture = webp_picture(fixture, fixture.seed);
  const bool extended = fixture.alpha || fixture.animated || fixture.orientation > 0;
  const int flags = (fixture.alpha ? 16 : 0) | (fixture.animated ? 2 : 0) | (fixture.orientation > 0 ? 8 : 0);
  Bytes chunks;
  if (extended && !fixture.animated) chunks = webp_canvas(flags, fixture.width, fixture.height);
  if (fixture.animated) {
    chunks = webp_canvas(flags, fixture.width + 11, fixture.height + 9);
    append(chunks, webp_chunk("ANIM", Bytes(6)));
    append(chunks, webp_frame(6, 4, fixture.width, fixture.height, picture));
    append(chunks, webp_frame(0, 0, fixture.width, fixture.height, webp_picture(fixture, fixture.seed + 1)));
  } else {
    append(chunks, picture);
  }
  if (fixture.orientation > 0) {
    Bytes exif;
    append(exif, std::string_view("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18));
    append(exif, static_cast<std::uint32_t>(fixture.orientation), 4);
    append(exif, 0, 4);
    append(chunks, webp_chunk("EXIF", exif));
  }
  return riff(chunks);
}

std::vector<std::uint8_t> encode_gif(const GifFixture& fixture) {
  Bytes gif;
  append(gif, "GIF89a");
  append(gif, static_cast<std::uint32_t>(fixture.width), 2);
  append(gif, static_cast<std::uint32_t>(fixture.height), 2);
  gif.push_back(static_cast<std::uint8_t>(0x80 | (fixture.bits - 1)));
  append(gif, 0, 2);
  append_palette(gif, fixture.bits, 0);
  append(gif, std::string_view("!\xFE\x03hey\0", 7));
  for (int i = 0; i < fixture.num_frames; ++i) append_gif_picture(gif, fixture, 1 + static_cast<unsigned>(i));
  gif.push_back(';');
  return gif;
}

std::vector<std::uint8_t> encode_bmp(const BmpFixture& fixture) {
  const bool core = fixture.header_bytes == 12;
  const int num_colors = fixture.bits <= 8 ? 1 << fixture.bits : 0;
  const int num_masks = fixture.compression == 3 && fixture.header_bytes == 40 ? 3 : 0;
  const Bytes pixels = bmp_pixels(fixture);
  const auto offset = static_cast<std::uint32_t>(14 + fixture.header_bytes + 4 * num_masks + (core ? 3 : 4) * num_colors);
  Bytes bmp;
  append(bmp, "BM");
  append(bmp, offset + static_cast<std::uint32_t>(pixels.size()), 4);
  append(bmp, 0, 4);
  append(bmp, offset, 4);
  append(bmp, static_cast<std::uint32_t>(fixture.header_bytes), 4);
  append(bmp, static_cast<std::uint32_t>(fixture.width), core ? 2 : 4);
  append(bmp, static_cast<std::uint32_t>(fixture.top_down ? -fixture.height : fixture.height), core ? 2 : 4);
  append(bmp, 1, 2);
  append(bmp, static_cast<std::uint32_t>(fixture.bits), 2);
  if (!core) {
    append(bmp, static_cast<std::uint32_t>(fixture.compression), 4);
    append(bmp, static_cast<std::uint32_t>(pixels.size()), 4);
    append(bmp, 2835, 4);
    append(bmp, 2835, 4);
    append(bmp, 0, 4);
    append(bmp, 0, 4);
  }
  if (fixture.compression == 3) {
    const bool wide = fixture.bits == 32;
    for (const std::uint32_t mask : {wide ? 0xFF0000u : 0xF800u, wide ? 0xFF00u : 0x7E0u, wide ? 0xFFu : 0x1Fu}) {
      append(bmp, mask, 4);
    }
    if (fixture.header_bytes >= 56) append(bmp, wide ? 0xFF000000u : 0, 4);
  }
  bmp.resize(static_cast<std::size_t>(14 + fixture.header_bytes + 4 * num_masks));
  for (int i = 0; i < num_colors; ++i) {
    for (const int value : {255 - i, i * 7, i * 3}) bmp.push_back(static_cast<std::uint8_t>(value));
    if (!core) bmp.push_back(0);
  }
  append(bmp, pixels);
  return bmp;
}

std::vector<std::uint8_t> encode_ppm(int kind, unsigned maximum, int width, int height) {
  Bytes ppm;
  append(ppm,
         "P" + std::to_string(kind) + "\n# made for tests\n" + std::to_string(width) + " " + std::to_string(height) + "\n");
  const bool bitmap = kind % 3 == 1;
  if (!bitmap) append(ppm, std::to_string(maximum) + "\n");
  const Bytes samples = make_samples(width, height, kind % 3 == 0 ? 3 : 1);
  const std::size_t row_samples = samples.size() / static_cast<std::size_t>(height);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t column = i % row_samples;
    const unsigned value =
        bitmap ? samples[i] >> 7 : (samples[i] * 256u + 17 * static_cast<unsigned>(column)) % (maximum + 1);
    if (kind == 4) {
      if (column % 8 == 0) ppm.push_back(0);
      ppm.back() = static_cast<std::uint8_t>(ppm.back() | value << (7 - column % 8));
    } else if (kind > 4) {
      if (maximum > 255) ppm.push_back(static_cast<std::uint8_t>(value >> 8));
      ppm.push_back(static_cast<std::uint8_t>(value));
    } else {
      append(ppm, std::to_string(value) + (kind == 1 && column % 3 != 0 ? "" : column + 1 == row_samples ? "\n" : " "));
    }
  }
  return ppm;
}

std::vector<Seed> still_seeds_of(std::string_view codec) {
  std::vector<Seed> seeds;
  if (codec == "webp") {
    for (const bool lossless : {false, true}) {
      for (const bool alpha : {false, true}) {
        for (const bool animated : {false, true}) {
          const std::string name =
              std::string(lossless ? "lossless" : "lossy") + (alpha ? "_alpha" : "") + (animated ? "_animated" : "");
          seeds.push_back({name, encode_webp({.width = 37,
                                              .height = 30,
                                              .lossless = lossless,
                                              .alpha = alpha,
                                              .animated = animated,
                                              .orientation = alpha ? 6 : 0})});
        }
      }
    }
  } else if (codec == "gif") {
    seeds.push_back({"plain", encode_gif({})});
    seeds.push_back({"interlaced", encode_gif({.interlaced = true})});
    seeds.push_back({"partial", encode_gif({.partial = true, .transparent_index = 3})});
    seeds.push_back({"partial_interlaced", encode_gif({.interlaced = true, .partial = true})});
    seeds.push_back({"local_palette", encode_gif({.local_palette = true, .num_frames = 2})});
    seeds.push_back({"bilevel", encode_gif({.bits = 1})});
    seeds.push_back({"eight_bits", encode_gif({.bits = 8})});
  } else if (codec == "tiff") {
    return tiff_seeds();
  } else if (codec == "bmp") {
    for (const int bits : {1, 4, 8, 16, 24, 32}) {
      for (const bool top_down : {false, true}) {
        const std::string name = std::to_string(bits) + "bit" + (top_down ? "_top_down" : "");
        seeds.push_back({name, encode_bmp({.bits = bits, .top_down = top_down})});
      }
    }
    seeds.push_back({"core", encode_bmp({.bits = 4, .header_bytes = 12})});
    seeds.push_back({"rle8", encode_bmp({.bits = 8, .compression = 1})});
    seeds.push_back({"rle4", encode_bmp({.bits = 4, .compression = 2})});
    seeds.push_back({"fields16", encode_bmp({.bits = 16, .compression = 3})});
    seeds.push_back({"fields32_v5", encode_bmp({.bits = 32, .compression = 3, .header_bytes = 124})});
  } else if (codec == "ppm") {
    for (const int kind : {1, 2, 3, 4, 5, 6}) {
      for (const unsigned maximum : {255u, 100u, 65535u}) {
        if (kind % 3 == 1 && maximum != 255) continue;
        const int side = kind == 3 ? 18 : 21;
        seeds.push_back({"P" + std::to_string(kind) + "_" + std::to_string(maximum), encode_ppm(kind, maximum, side, side)});
      }
    }
  }
  return seeds;
}

std::vector<std::uint8_t> huge_still_of(std::string_view codec) {
  constexpr int kSide = 60000;
  if (codec == "ppm") {
    Bytes bytes;
    append(bytes, "P6 60000 60000 255\n");
    append(bytes, Bytes(64));
    return bytes;
  }
  if (codec == "webp") {
    Bytes chunks = webp_canvas(2, kSide, kSide);
    append(chunks, webp_chunk("ANIM", Bytes(6)));
    append(chunks, webp_frame(0, 0, 16, 16, webp_picture({.width = 16, .height = 16}, 1)));
    return riff(chunks);
  }
  if (codec == "gif") {
    Bytes bytes = encode_gif({});
    for (const std::size_t at : {6u, 8u}) {
      bytes[at] = kSide & 255;
      bytes[at + 1] = kSide >> 8;
    }
    return bytes;
  }
  if (codec == "tiff") return huge_tiff();
  if (codec == "bmp") {
    Bytes bytes = encode_bmp({.bits = 8, .compression = 1});
    for (const std::size_t at : {18u, 22u}) {
      bytes[at] = kSide & 255;
      bytes[at + 1] = kSide >> 8;
    }
    return bytes;
  }
  return {};
}

}  // namespace smol::testing
