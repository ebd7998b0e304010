#include "unit/codec/opaque_seeds.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace smol::testing {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t kHuge = 60000;

void put(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) bytes.at(at + i) = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

std::size_t find(const Bytes& bytes, std::string_view marker) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.find(marker);
}

/// Least significant bit first, as JPEG XL counts.
class BitWriter {
 public:
  void put(std::uint64_t value, int count) {
    for (int i = 0; i < count; ++i, ++used_) {
      if (used_ % 8 == 0) bytes.push_back(0);
      bytes.back() = static_cast<std::uint8_t>(bytes.back() | ((value >> i & 1) << (used_ % 8)));
    }
  }
  Bytes bytes;

 private:
  int used_ = 0;
};

Bytes huge_jpegxl() {
  BitWriter writer;
  writer.put(0x0AFF, 16);
  writer.put(0, 1);  // not a multiple of 8
  writer.put(2, 2);  // height in 18 bits
  writer.put(kHuge - 1, 18);
  writer.put(1, 3);  // as wide as high
  writer.put(1, 1);  // metadata: all as usual
  writer.put(1, 1);  // transforms, too
  writer.bytes.resize(200);
  return writer.bytes;
}

}  // namespace

std::vector<Seed> opaque_seeds_of(std::string_view codec) {
  std::vector<Seed> seeds;
  const auto folder = std::filesystem::path(SMOL_TESTS_DIR) / "unit/codec/opaque_seeds" / codec;
  if (!std::filesystem::is_directory(folder)) return seeds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds.push_back({entry.path().stem().string(), Bytes(std::istreambuf_iterator<char>(file), {})});
  }
  std::sort(seeds.begin(), seeds.end(), [](const Seed& a, const Seed& b) { return a.name < b.name; });
  return seeds;
}

Bytes opaque_huge_header_of(std::string_view codec) {
  using namespace std::string_view_literals;
  if (codec == "jpegxl") return huge_jpegxl();
  const auto seeds = opaque_seeds_of(codec);
  if (seeds.empty()) return {};
  if (codec == "jpeg2000") {
    const auto seed = std::find_if(seeds.begin(), seeds.end(), [](const Seed& each) { return each.name == "lossy"; });
    Bytes bytes(seed->bytes.begin() + static_cast<std::ptrdiff_t>(find(seed->bytes, "\xFF\x4F\xFF\x51"sv)),
                seed->bytes.end());
    // Of the picture and of its one tile.
    for (const std::size_t at : {8, 12, 24, 28}) put(bytes, at, kHuge);
    return bytes;
  }
  Bytes bytes = seeds.back().bytes;
  // All extents: those of an alpha plane or a thumbnail, too.
  for (std::size_t at = 0; at + 16 < bytes.size(); ++at) {
    if (std::string_view(reinterpret_cast<const char*>(bytes.data()) + at, 4) != "ispe") continue;
    put(bytes, at + 8, kHuge);
    put(bytes, at + 12, kHuge);
  }
  return bytes;
}

}  // namespace smol::testing
