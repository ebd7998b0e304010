#include "unit/codec/png_fixture.h"

#include <libdeflate.h>
#include <spng.h>

#include <cstdlib>
#include <cstring>
#include <random>
#include <stdexcept>

namespace smol::testing {
namespace {

std::uint32_t read_u32(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

void write_u32(std::uint8_t* bytes, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes[i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

/// Calls `visit(offset, length)` for every complete chunk.
template <typename Visit>
void for_each_chunk(ByteView png, Visit visit) {
  for (std::size_t at = 8; at + 12 <= png.size();) {
    const std::size_t length = read_u32(&png[at]);
    if (length > png.size() - at - 12) break;
    visit(at, length);
    at += 12 + length;
  }
}

}  // namespace

std::string PngFixture::name() const {
  return "type" + std::to_string(color_type) + "_" + std::to_string(bits) + "bit" + (interlaced ? "_adam7" : "") + "_" +
         std::to_string(width) + "x" + std::to_string(height);
}

std::vector<std::uint8_t> encode_png(const PngFixture& fixture) {
  constexpr int kChannels[] = {1, 0, 3, 1, 2, 0, 4};
  const std::size_t row_bytes =
      (static_cast<std::size_t>(fixture.width) * kChannels[fixture.color_type] * fixture.bits + 7) / 8;
  std::vector<std::uint8_t> samples(row_bytes * fixture.height);
  std::mt19937 random(fixture.seed);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i] = static_cast<std::uint8_t>(i % row_bytes + 3 * (i / row_bytes) + random() % 16);
  }
  spng_ctx* const context = spng_ctx_new(SPNG_CTX_ENCODER);
  spng_set_option(context, SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{static_cast<std::uint32_t>(fixture.width),
                   static_cast<std::uint32_t>(fixture.height),
                   static_cast<std::uint8_t>(fixture.bits),
                   static_cast<std::uint8_t>(fixture.color_type),
                   0,
                   0,
                   static_cast<std::uint8_t>(fixture.interlaced ? 1 : 0)};
  spng_set_ihdr(context, &header);
  if (fixture.color_type == 3) {
    spng_plte palette{};
    palette.n_entries = 1u << fixture.bits;
    for (std::uint32_t i = 0; i < palette.n_entries; ++i) {
      palette.entries[i] = {static_cast<std::uint8_t>(i * 7), static_cast<std::uint8_t>(255 - i),
                            static_cast<std::uint8_t>(i), 255};
    }
    spng_set_plte(context, &palette);
  }
  // RAW samples are big-endian, PNG ones are the machine's; the bytes are arbitrary either way.
  int error = spng_encode_image(context, samples.data(), samples.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  std::size_t size = 0;
  auto* const encoded = static_cast<std::uint8_t*>(spng_get_png_buffer(context, &size, &error));
  if (encoded == nullptr)
    throw std::runtime_error(std::string("cannot encode ") + fixture.name() + ": " + spng_strerror(error));
  std::vector<std::uint8_t> bytes(encoded, encoded + size);
  std::free(encoded);
  spng_ctx_free(context);
  return bytes;
}

std::size_t find_chunk(ByteView png, const char* type) {
  std::size_t found = std::string::npos;
  for_each_chunk(png, [&](std::size_t at, std::size_t) {
    if (found == std::string::npos && std::memcmp(&png[at + 4], type, 4) == 0) found = at;
  });
  return found;
}

void fix_checksums(std::vector<std::uint8_t>& png) {
  for_each_chunk(png, [&](std::size_t at, std::size_t length) {
    write_u32(&png[at + 8 + length], libdeflate_crc32(0, &png[at + 4], length + 4));
  });
}

}  // namespace smol::testing
