#include "engine/batch_assembler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>

#include "engine/bounded_queue.h"

namespace smol {
namespace {

constexpr OutputSpec kPicture{DType::kU8, Layout::kNHWC, ColorOrder::kRGB, 2, 2};

// Slots in host memory; batches are completed by a thread of their own, or held until complete_all().
class FakeInstance final : public ModelInstance {
 public:
  FakeInstance(int batch, int num_slots) : batch_(batch), memory_(num_slots, std::vector<std::uint8_t>(batch * 12)) {}
  ~FakeInstance() override {
    work_.close();
    if (thread_.joinable()) thread_.join();
  }
  void complete_by_itself() {
    thread_ = std::jthread([this] {
      while (auto completion = work_.pop()) (*completion)(InferTiming{1, 2});
    });
  }
  std::size_t complete_all() {
    std::size_t count = 0;
    for (auto& completion : std::exchange(held_, {})) completion(InferTiming{1, 2}), ++count;
    return count;
  }
  [[nodiscard]] const std::vector<TensorSpec>& inputs() const override { return specs_; }
  [[nodiscard]] const std::vector<TensorSpec>& outputs() const override { return specs_; }
  [[nodiscard]] int batch() const override { return batch_; }
  [[nodiscard]] std::string_view max_batch_reason() const override { return {}; }
  [[nodiscard]] int num_slots() const override { return static_cast<int>(memory_.size()); }
  [[nodiscard]] std::vector<TensorView> input_tensors(int slot) override {
    return {TensorView{memory_[slot].data(), DType::kU8, {batch_, 2, 2, 3}}};
  }
  [[nodiscard]] std::vector<TensorView> output_tensors(int slot) override { return input_tensors(slot); }
  void submit(int /*slot*/, int num_valid, Completion completion) override {
    last_valid = num_valid;
    ++submitted;
    thread_.joinable() ? work_.push_unbounded(std::move(completion)) : held_.push_back(std::move(completion));
  }

  std::atomic<int> submitted{0}, last_valid{0};

 private:
  int batch_;
  std::vector<std::vector<std::uint8_t>> memory_;
  std::vector<TensorSpec> specs_;
  std::vector<Completion> held_;
  BoundedQueue<Completion> work_{16};
  std::jthread thread_;
};

Row row_of(std::int64_t ticket) {
  Row row;
  row.ticket = ticket;
  return row;
}

TEST(BatchAssemblerTest, SealsByCount) {
  FakeInstance instance(2, 2);
  std::vector<int> completed;
  BatchAssembler assembler(instance, kPicture, 2, 1, [&](int slot, Result<InferTiming>) { completed.push_back(slot); });
  const SlotLease a = *assembler.lease({}), b = *assembler.lease({});
  EXPECT_EQ(a.slot, b.slot);
  EXPECT_EQ(static_cast<std::uint8_t*>(b.tensor.data) - static_cast<std::uint8_t*>(a.tensor.data), 12);
  assembler.commit(b, row_of(1));
  EXPECT_EQ(instance.submitted, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  assembler.commit(a, row_of(0));
  EXPECT_EQ(instance.submitted, 1);
  EXPECT_GE(assembler.batch_wait_us(a.slot, b.position), 2000);
  EXPECT_LT(assembler.batch_wait_us(a.slot, a.position), assembler.batch_wait_us(a.slot, b.position));
  instance.complete_all();
  ASSERT_EQ(completed.size(), 1U);
  EXPECT_EQ(assembler.rows(a.slot)[1]->ticket, 1);
}

TEST(BatchAssemblerTest, AbandonedPlacesAreLeasedAgainWhileOpenAndMaskedLater) {
  FakeInstance instance(3, 1);
  BatchAssembler assembler(instance, kPicture, 1, 1, [](int, Result<InferTiming>) {});
  const SlotLease a = *assembler.lease({});
  assembler.abandon(a);
  const SlotLease again = *assembler.lease({});
  EXPECT_EQ(again.position, a.position);
  const SlotLease b = *assembler.lease({}), c = *assembler.lease({});
  assembler.commit(again, row_of(0));
  assembler.commit(b, row_of(1));
  EXPECT_EQ(instance.submitted, 0);
  assembler.abandon(c);
  EXPECT_EQ(instance.submitted, 1);
  EXPECT_EQ(instance.last_valid, 2);
  EXPECT_FALSE(assembler.rows(0)[2].has_value());
  instance.complete_all();
}

TEST(BatchAssemblerTest, ABatchOfNothingIsNotSubmitted) {
  FakeInstance instance(2, 1);
  BatchAssembler assembler(instance, kPicture, 1, 1, [](int, Result<InferTiming>) {});
  const SlotLease a = *assembler.lease({}), b = *assembler.lease({});
  assembler.abandon(a);
  assembler.abandon(b);
  EXPECT_EQ(instance.submitted, 0);
  assembler.wait_until_idle();
  EXPECT_TRUE(assembler.lease({}).ok());
}

TEST(BatchAssemblerTest, DeadlinesSealOnlyOldBatchesWithPictures) {
  FakeInstance instance(4, 2);
  BatchAssembler assembler(instance, kPicture, 2, 1, [](int, Result<InferTiming>) {});
  const SlotLease a = *assembler.lease({});
  assembler.seal(std::chrono::nanoseconds(1));
  assembler.commit(a, row_of(0));
  assembler.seal(std::chrono::hours(1));
  EXPECT_EQ(instance.submitted, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  assembler.seal(std::chrono::nanoseconds(1));
  EXPECT_EQ(instance.submitted, 1);
  instance.complete_all();
}

TEST(BatchAssemblerTest, WaitingForASlotCanBeStopped) {
  FakeInstance instance(1, 1);
  BatchAssembler assembler(instance, kPicture, 1, 1, [](int, Result<InferTiming>) {});
  const SlotLease a = *assembler.lease({});
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.request_stop();
  });
  const Result<SlotLease> waited = assembler.lease(stop.get_token());
  ASSERT_FALSE(waited.ok());
  EXPECT_EQ(waited.error().code, ErrorCode::kCancelled);
  EXPECT_GT(assembler.lease_wait_seconds(), 0.0);
  assembler.abandon(a);
}

// Many threads lease, commit and abandon at random: every committed row comes back exactly once, with its own pixels.
TEST(BatchAssemblerTest, RandomUseLosesAndRepeatsNothing) {
  for (const auto& [batch, slots] : {std::pair{1, 1}, {3, 1}, {4, 3}, {64, 2}}) {
    FakeInstance instance(batch, slots);
    instance.complete_by_itself();
    BoundedQueue<int> completed(64);
    BatchAssembler assembler(instance, kPicture, slots, 2,
                             [&](int slot, Result<InferTiming>) { completed.push_unbounded(slot); });
    std::vector<std::atomic<int>> seen(3000);
    std::jthread reader([&] {
      while (auto slot = completed.pop()) {
        const auto* pixels = static_cast<const std::uint8_t*>(assembler.outputs(*slot).front().data);
        for (std::size_t i = 0; i < assembler.rows(*slot).size(); ++i) {
          const auto& row = assembler.rows(*slot)[i];
          if (!row) continue;
          EXPECT_EQ(pixels[i * 12], static_cast<std::uint8_t>(row->ticket));
          ++seen[row->ticket];
        }
        assembler.release(*slot);
      }
    });
    std::atomic<int> next{0};
    std::vector<int> committed(seen.size());
    {
      std::vector<std::jthread> workers;
      for (int w = 0; w < 4; ++w) {
        workers.emplace_back([&, w] {
          std::mt19937 generator(w);
          for (int ticket = next++; ticket < 3000; ticket = next++) {
            const SlotLease lease = *assembler.lease({});
            if (generator() % 5 == 0) {
              assembler.abandon(lease);
              continue;
            }
            *static_cast<std::uint8_t*>(lease.tensor.data) = static_cast<std::uint8_t>(ticket);
            committed[ticket] = 1;
            assembler.commit(lease, row_of(ticket));
          }
        });
      }
    }
    assembler.seal();
    assembler.wait_until_idle();
    completed.close();
    reader.join();
    for (std::size_t ticket = 0; ticket < seen.size(); ++ticket) EXPECT_EQ(seen[ticket], committed[ticket]);
  }
}

}  // namespace
}  // namespace smol
