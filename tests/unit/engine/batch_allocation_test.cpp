// Steady state: filling, submitting, completing and freeing batches allocates nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "engine/batch_assembler.h"

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

constexpr int kBatch = 4, kNumSlots = 3;
constexpr OutputSpec kPicture{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, 2, 2};

// Completes batches at once.
class InstantInstance final : public ModelInstance {
 public:
  [[nodiscard]] const std::vector<TensorSpec>& inputs() const override { return specs_; }
  [[nodiscard]] const std::vector<TensorSpec>& outputs() const override { return specs_; }
  [[nodiscard]] int batch() const override { return kBatch; }
  [[nodiscard]] std::string_view max_batch_reason() const override { return {}; }
  [[nodiscard]] int num_slots() const override { return kNumSlots; }
  [[nodiscard]] std::vector<TensorView> input_tensors(int slot) override {
    return {TensorView{memory_[static_cast<std::size_t>(slot)].data(), DType::kU8, {kBatch, 2, 2, 3}}};
  }
  [[nodiscard]] std::vector<TensorView> output_tensors(int slot) override { return input_tensors(slot); }
  void submit(int /*slot*/, int /*num_valid*/, Completion completion) override { completion(InferTiming{}); }

 private:
  std::array<std::array<std::uint8_t, std::size_t{kBatch} * 12>, kNumSlots> memory_{};
  std::vector<TensorSpec> specs_;
};

TEST(BatchAllocationTest, BatchesAllocateNothing) {
  InstantInstance instance;
  int completed = -1, num_completed = 0;
  BatchAssembler assembler(instance, kPicture, kNumSlots, 1, [&](int slot, const Result<InferTiming>&) {
    completed = slot;
    ++num_completed;
  });
  const std::stop_token never;
  const auto fill = [&](int num_pictures) {
    for (int i = 0; i < num_pictures; ++i) {
      const Result<SlotLease> lease = assembler.lease(never);
      ASSERT_TRUE(lease.ok());
      if (i % 7 == 3) {
        assembler.abandon(*lease);
      } else {
        assembler.commit(*lease, Row{});
      }
      if (completed >= 0) assembler.release(std::exchange(completed, -1));
    }
  };
  fill(100);
  const long before = allocations.load();
  fill(10'000);
  EXPECT_EQ(allocations.load(), before);
  EXPECT_GT(num_completed, 2'000);
}

}  // namespace
}  // namespace smol
