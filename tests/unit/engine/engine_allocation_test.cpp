// Steady state: memory does not grow with the number of items, and an item costs a small constant number of allocations
// (its strings and its row; decoding, preprocessing and batching have tests of their own that count none).
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <new>

#include <unistd.h>

#include "engine/measure.h"
#include "unit/engine/engine_fixture.h"

namespace {
std::atomic<long> allocations{0};
}

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace smol {
namespace {

class CountingSink final : public Sink {
 public:
  Status write(std::span<const Row> rows) override {
    count += rows.size();
    return {};
  }
  Status finish(bool) override { return {}; }
  std::size_t count = 0;
};

long resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long total = 0, resident = 0;
  file >> total >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

TEST(EngineAllocationTest, MemoryIsFlatAndItemsAreCheap) {
  EngineFixture fixture;
  CompiledPlan plan = fixture.compile_plan(fixture.make_plan("net"));
  const std::vector<Item> items = EngineFixture::make_items(16);
  const auto run = [&](std::int64_t count) {
    CountingSink sink;
    const long before = allocations.load();
    EXPECT_TRUE(execute(fixture.runtime, {&plan, 1}, *repeat_items(items, count), sink).ok());
    EXPECT_EQ(static_cast<std::int64_t>(sink.count), count);
    return allocations.load() - before;
  };
  const long few = run(1000);
  const long resident = resident_bytes();
  const std::int64_t many_items = std::getenv("SMOL_SOAK") != nullptr ? 100'000 : 10'000;
  const long many = run(many_items);
  const double per_item = static_cast<double>(many - few) / static_cast<double>(many_items - 1000);
  std::printf("allocations per item: %.1f; resident grew by %ld bytes\n", per_item, resident_bytes() - resident);
  EXPECT_LT(per_item, 20);
  EXPECT_LT(resident_bytes() - resident, 8L << 20);
}

}  // namespace
}  // namespace smol
