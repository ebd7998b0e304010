/// A warmed-up decoder allocates nothing of ours per picture. libjpeg, libspng and libdeflate allocate with malloc, which
/// is not counted here.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

#include "smol/video.h"
#include "unit/codec/codec_seeds.h"

namespace {
thread_local long num_allocations = 0;

void* counted_allocate(std::size_t size, std::size_t alignment) {
  ++num_allocations;
  void* const memory = std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t size) { return counted_allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return counted_allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace smol::testing {
namespace {

class Sink final : public RowConsumer {
 public:
  Status begin(const Rect&, Size, PixelFormat) override { return {}; }
  bool rows(int, const ImageView&) override { return true; }
};

TEST(CodecAllocationTest, warmed_up_decoders_allocate_nothing) {
  const auto registry = built_in_codecs();
  for (const auto& codec : registry.codecs()) {
    const auto seeds = seeds_of(codec->name());
    const auto decoder = codec->create_decoder();
    Sink sink;
    const auto decode_all = [&] {
      for (const Seed& seed : seeds) {
        ASSERT_TRUE(decoder->probe(seed.bytes).ok());
        for (const PixelFormat format : codec->capabilities().formats) {
          DecodeRequest request;
          request.format = format;
          if (format == PixelFormat::kGray8 && !decoder->probe(seed.bytes)->is_gray()) continue;
          ASSERT_TRUE(decoder->decode(seed.bytes, request, sink).ok());
          request.region = Rect{3, 5, 9, 8};
          ASSERT_TRUE(decoder->decode(seed.bytes, request, sink).ok());
        }
      }
    };
    decode_all();
    const long before = num_allocations;
    decode_all();
    EXPECT_EQ(num_allocations - before, 0) << codec->name();
    EXPECT_GT(before, 0) << "the counter counts";
  }
}

TEST(CodecAllocationTest, a_warmed_up_frame_decoder_allocates_nothing) {
  std::vector<std::uint8_t> samples(std::size_t{2} * 64 * 64, 100);
  const auto decoder = create_frame_decoder();
  Sink sink;
  const auto show_all = [&] {
    for (const int bits : {8, 10}) {
      FramePlanes planes;
      planes.width = planes.height = 64;
      planes.bits = bits;
      for (int i = 0; i < 3; ++i) planes.data[i] = samples.data(), planes.stride_bytes[i] = 128;
      decoder->show(planes, Orientation::kNormal);
      ASSERT_TRUE(decoder->probe({}).ok());
      for (const PixelFormat format :
           {PixelFormat::kRgbx8, PixelFormat::kRgb8, PixelFormat::kBgr8, PixelFormat::kYcc8Planar}) {
        DecodeRequest request;
        request.format = format;
        ASSERT_TRUE(decoder->decode({}, request, sink).ok());
      }
    }
  };
  show_all();
  const long before = num_allocations;
  show_all();
  EXPECT_EQ(num_allocations - before, 0);
}

}  // namespace
}  // namespace smol::testing
