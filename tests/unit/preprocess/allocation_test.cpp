// After the first pictures of a size, preprocessing allocates nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "fake_decoder.h"
#include "pillow_oracle.h"

namespace {
std::atomic<long> allocations{0};

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  void* memory = nullptr;
  if (posix_memalign(&memory, alignment, bytes) != 0) throw std::bad_alloc();
  return memory;
}
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, sizeof(void*) * 2); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace smol::test {
namespace {

struct Source {
  Source(Size size, Orientation orientation)
      : pixels(random_pixels(size, 3, 3)), decoder(size, 3, pixels, {16, true, 0, 1 << 30, {}}), header(decoder.header()) {
    header.orientation = orientation;
  }
  std::vector<std::uint8_t> pixels;
  FakeDecoder decoder;
  ImageHeader header;
};

TEST(AllocationTest, SteadyStateAllocatesNothing) {
  for (const char* operators :
       {"orient() | resize(short_side=64, filter=bilinear) | center_crop(56x56) | convert(f32) | normalize(mean=[1,2,3], "
        "scale=[4,5,6]) | layout(NCHW)",
        "orient() | resize(fit=80x80, filter=bicubic) | pad(80x80, value=[114,114,114], centered=true)",
        "orient() | color(gray) | resize(size=33x44, filter=lanczos)"}) {
    PhysicalPipeline pipeline = fused_pipeline(operators);
    pipeline.decode = {1, true, true, PixelFormat::kRgbx8};
    const auto preprocessor = create_preprocessor(pipeline).value();
    Tensor tensor(preprocessor->output());
    std::vector<std::unique_ptr<Source>> sources;
    for (const Size size : {Size{203, 157}, Size{157, 203}, Size{90, 500}, Size{30, 20}}) {
      for (int orientation = 1; orientation <= 8; ++orientation) {
        sources.push_back(std::make_unique<Source>(size, static_cast<Orientation>(orientation)));
      }
    }
    const auto run_all = [&] {
      for (const auto& source : sources) {
        ASSERT_TRUE(preprocessor->run(source->decoder, {}, source->header, {}, tensor.slot));
      }
    };
    run_all();
    const long before = allocations;
    run_all();
    EXPECT_EQ(allocations - before, 0) << operators;
  }
}

}  // namespace
}  // namespace smol::test
